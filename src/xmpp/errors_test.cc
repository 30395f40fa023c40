#include "xmpp/errors.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "xml/document.h"
#include "xmpp/ns.h"

namespace starling::xmpp {
namespace {

struct StanzaRow {
  StanzaCondition condition;
  std::string_view name;
  std::string_view type;
};

// RFC 6120 sections 8.3.3.1 to 8.3.3.22; where it leaves a choice, the one this server makes.
constexpr std::array<StanzaRow, 22> kStanzaConditions{{
    {StanzaCondition::bad_request, "bad-request", "modify"},
    {StanzaCondition::conflict, "conflict", "cancel"},
    {StanzaCondition::feature_not_implemented, "feature-not-implemented", "cancel"},
    {StanzaCondition::forbidden, "forbidden", "auth"},
    {StanzaCondition::gone, "gone", "cancel"},
    {StanzaCondition::internal_server_error, "internal-server-error", "cancel"},
    {StanzaCondition::item_not_found, "item-not-found", "cancel"},
    {StanzaCondition::jid_malformed, "jid-malformed", "modify"},
    {StanzaCondition::not_acceptable, "not-acceptable", "modify"},
    {StanzaCondition::not_allowed, "not-allowed", "cancel"},
    {StanzaCondition::not_authorized, "not-authorized", "auth"},
    {StanzaCondition::policy_violation, "policy-violation", "modify"},
    {StanzaCondition::recipient_unavailable, "recipient-unavailable", "wait"},
    {StanzaCondition::redirect, "redirect", "modify"},
    {StanzaCondition::registration_required, "registration-required", "auth"},
    {StanzaCondition::remote_server_not_found, "remote-server-not-found", "cancel"},
    {StanzaCondition::remote_server_timeout, "remote-server-timeout", "wait"},
    {StanzaCondition::resource_constraint, "resource-constraint", "wait"},
    {StanzaCondition::service_unavailable, "service-unavailable", "cancel"},
    {StanzaCondition::subscription_required, "subscription-required", "auth"},
    {StanzaCondition::undefined_condition, "undefined-condition", "cancel"},
    {StanzaCondition::unexpected_request, "unexpected-request", "wait"},
}};

struct StreamRow {
  StreamCondition condition;
  std::string_view name;
};

// RFC 6120 sections 4.9.3.1 to 4.9.3.25.
constexpr std::array<StreamRow, 25> kStreamConditions{{
    {StreamCondition::bad_format, "bad-format"},
    {StreamCondition::bad_namespace_prefix, "bad-namespace-prefix"},
    {StreamCondition::conflict, "conflict"},
    {StreamCondition::connection_timeout, "connection-timeout"},
    {StreamCondition::host_gone, "host-gone"},
    {StreamCondition::host_unknown, "host-unknown"},
    {StreamCondition::improper_addressing, "improper-addressing"},
    {StreamCondition::internal_server_error, "internal-server-error"},
    {StreamCondition::invalid_from, "invalid-from"},
    {StreamCondition::invalid_namespace, "invalid-namespace"},
    {StreamCondition::invalid_xml, "invalid-xml"},
    {StreamCondition::not_authorized, "not-authorized"},
    {StreamCondition::not_well_formed, "not-well-formed"},
    {StreamCondition::policy_violation, "policy-violation"},
    {StreamCondition::remote_connection_failed, "remote-connection-failed"},
    {StreamCondition::reset, "reset"},
    {StreamCondition::resource_constraint, "resource-constraint"},
    {StreamCondition::restricted_xml, "restricted-xml"},
    {StreamCondition::see_other_host, "see-other-host"},
    {StreamCondition::system_shutdown, "system-shutdown"},
    {StreamCondition::undefined_condition, "undefined-condition"},
    {StreamCondition::unsupported_encoding, "unsupported-encoding"},
    {StreamCondition::unsupported_feature, "unsupported-feature"},
    {StreamCondition::unsupported_stanza_type, "unsupported-stanza-type"},
    {StreamCondition::unsupported_version, "unsupported-version"},
}};

TEST(StanzaErrors, EveryCondition_HasItsNameAndType) {
  for (const auto& row : kStanzaConditions) {
    EXPECT_EQ(to_string(row.condition), row.name);
    EXPECT_EQ(error_type(row.condition), row.type) << row.name;
  }
}

TEST(StanzaErrors, EveryCondition_StandsFirstInItsNamespace) {
  for (const auto& row : kStanzaConditions) {
    const auto document =
        xml::Document::parse(to_xml(StanzaError{row.condition, "", ""}), ns::kClient);
    ASSERT_TRUE(document) << row.name;
    const auto error = document->root();
    EXPECT_TRUE(error.is("error", ns::kClient));
    EXPECT_EQ(error.attribute("type"), row.type);
    ASSERT_TRUE(error.first_child());
    EXPECT_TRUE(error.first_child()->is(row.name, ns::kStanzaErrors));
    EXPECT_FALSE(error.child("text", ns::kStanzaErrors)) << "no text was given";
  }
}

TEST(StanzaErrors, TextAndApplicationCondition_FollowTheConditionEscaped) {
  const StanzaError error{StanzaCondition::not_acceptable, "a < b & \"c\"", "<odd xmlns='urn:x'/>"};
  EXPECT_EQ(to_xml(error),
            "<error type='modify'>"
            "<not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
            "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>"
            "a &lt; b &amp; &quot;c&quot;</text>"
            "<odd xmlns='urn:x'/></error>");
}

TEST(StreamErrors, EveryCondition_HasItsName) {
  for (const auto& row : kStreamConditions) EXPECT_EQ(to_string(row.condition), row.name);
}

TEST(StreamErrors, EveryCondition_IsWellFormedInAStream) {
  for (const auto& row : kStreamConditions) {
    const std::string text = "<stream:stream xmlns='jabber:client' xmlns:stream='" +
                             std::string(ns::kStream) + "'>" +
                             stream_error_xml(row.condition, "why & how") + "</stream:stream>";
    const auto document = xml::Document::parse(text);
    ASSERT_TRUE(document) << row.name;
    const auto error = document->root().child("error", ns::kStream);
    ASSERT_TRUE(error) << row.name;
    ASSERT_TRUE(error->child(row.name, ns::kStreamErrors)) << row.name;
    // Of <see-other-host/> it is the other host.
    const bool is_host = row.condition == StreamCondition::see_other_host;
    const auto words = error->child(is_host ? row.name : "text", ns::kStreamErrors);
    ASSERT_TRUE(words) << row.name;
    EXPECT_EQ(words->text(), "why & how");
  }
}

TEST(StreamErrors, WithoutText_HasOneChild) {
  EXPECT_EQ(stream_error_xml(StreamCondition::reset, ""),
            "<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>");
}

}  // namespace
}  // namespace starling::xmpp
