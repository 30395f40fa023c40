#include "xmpp/errors.h"

#include <array>

#include "xml/writer.h"
#include "xmpp/ns.h"

namespace starling::xmpp {

namespace {

struct StanzaRow {
  std::string_view name;
  std::string_view type;
};

constexpr std::array<StanzaRow, 22> kStanzaRows{{
    {"bad-request", "modify"},
    {"conflict", "cancel"},
    {"feature-not-implemented", "cancel"},
    {"forbidden", "auth"},
    {"gone", "cancel"},
    {"internal-server-error", "cancel"},
    {"item-not-found", "cancel"},
    {"jid-malformed", "modify"},
    {"not-acceptable", "modify"},
    {"not-allowed", "cancel"},
    {"not-authorized", "auth"},
    {"policy-violation", "modify"},
    {"recipient-unavailable", "wait"},
    {"redirect", "modify"},
    {"registration-required", "auth"},
    {"remote-server-not-found", "cancel"},
    {"remote-server-timeout", "wait"},
    {"resource-constraint", "wait"},
    {"service-unavailable", "cancel"},
    {"subscription-required", "auth"},
    {"undefined-condition", "cancel"},
    {"unexpected-request", "wait"},
}};
static_assert(kStanzaRows.size() == std::size_t(StanzaCondition::unexpected_request) + 1);

constexpr std::array<std::string_view, 25> kStreamNames{
    "bad-format",
    "bad-namespace-prefix",
    "conflict",
    "connection-timeout",
    "host-gone",
    "host-unknown",
    "improper-addressing",
    "internal-server-error",
    "invalid-from",
    "invalid-namespace",
    "invalid-xml",
    "not-authorized",
    "not-well-formed",
    "policy-violation",
    "remote-connection-failed",
    "reset",
    "resource-constraint",
    "restricted-xml",
    "see-other-host",
    "system-shutdown",
    "undefined-condition",
    "unsupported-encoding",
    "unsupported-feature",
    "unsupported-stanza-type",
    "unsupported-version",
};
static_assert(kStreamNames.size() == std::size_t(StreamCondition::unsupported_version) + 1);

}  // namespace

std::string_view to_string(StanzaCondition condition) {
  return kStanzaRows[std::size_t(condition)].name;
}

std::string_view error_type(StanzaCondition condition) {
  return kStanzaRows[std::size_t(condition)].type;
}

std::string to_xml(const StanzaError& error) {
  xml::Writer w;
  w.open("error").attribute("type", error_type(error.condition));
  w.open(to_string(error.condition), ns::kStanzaErrors).close();
  if (!error.text.empty()) {
    w.open("text", ns::kStanzaErrors).attribute("xml:lang", "en").text(error.text).close();
  }
  w.raw(error.application);
  w.close();
  return std::move(w).take();
}

std::string_view to_string(StreamCondition condition) {
  return kStreamNames[std::size_t(condition)];
}

std::string stream_error_xml(StreamCondition condition, std::string_view text) {
  xml::Writer w;
  w.open("stream:error");
  w.open(to_string(condition), ns::kStreamErrors);
  const bool is_address = condition == StreamCondition::see_other_host;
  if (is_address) w.text(text);
  w.close();
  if (!text.empty() && !is_address) {
    w.open("text", ns::kStreamErrors).attribute("xml:lang", "en").text(text).close();
  }
  w.close();
  return std::move(w).take();
}

}  // namespace starling::xmpp
