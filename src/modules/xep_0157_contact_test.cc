#include <string>

#include "modules/test_modules.h"

namespace starling::modules {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kInfo = "<query xmlns='http://jabber.org/protocol/disco#info'/>";

class NoContactModule : public ModuleTest {};
INSTANTIATE_TEST_SUITE_P(Workers, NoContactModule, testing::Values(1));

TEST_P(NoContactModule, NothingConfigured_SaysNothing) {
  core::TestClient& alice = server_.connect("alice@example.org/phone");
  EXPECT_THAT(ask(alice, "get", "example.org", kInfo), Not(HasSubstr("jabber:x:data' type=")));
}

class ContactModule : public ModuleTest {
 protected:
  static config::HostOptions options() {
    config::HostOptions options;
    options.contact.abuse = {"mailto:abuse@example.org", "xmpp:abuse@example.org"};
    options.contact.security = {"https://example.org/?a=1&b=2"};
    return options;
  }
  ContactModule() : ModuleTest(options()) {}
};
INSTANTIATE_TEST_SUITE_P(Workers, ContactModule, testing::Values(1));

// Example 2; purposes without an address are left out.
TEST_P(ContactModule, Addresses_AreInTheHostsInfo) {
  core::TestClient& alice = server_.connect("alice@example.org/phone");
  EXPECT_THAT(
      ask(alice, "get", "example.org", kInfo),
      HasSubstr("<x xmlns='jabber:x:data' type='result'>"
                "<field type='hidden' var='FORM_TYPE'>"
                "<value>http://jabber.org/network/serverinfo</value></field>"
                "<field var='abuse-addresses'><value>mailto:abuse@example.org</value>"
                "<value>xmpp:abuse@example.org</value></field>"
                "<field var='security-addresses'><value>https://example.org/?a=1&amp;b=2</value>"
                "</field></x></query>"));
  EXPECT_THAT(ask(alice, "get", "", kInfo), Not(HasSubstr("jabber:x:data' type=")));
}

// XEP-0115 section 5.1: the form is part of what is hashed.
TEST_P(ContactModule, AnnouncedHashes_CoverTheForm) {
  core::TestClient& alice = server_.connect("alice@example.org/phone");
  const auto answer = xml::Document::parse(ask(alice, "get", "example.org", kInfo));
  const auto info = xmpp::DiscoInfo::parse(*answer->root().first_child());
  ASSERT_TRUE(info);
  ASSERT_EQ(info->forms.size(), 1U);
  xml::Writer w;
  w.open("features");
  server_.server().host("example.org")->write_stream_features(w);
  w.close();
  const std::string features = std::move(w).take();
  EXPECT_THAT(features, HasSubstr(" ver='" + xmpp::caps_ver(*info) + "'"));
  EXPECT_THAT(features,
              HasSubstr(xmpp::caps2_hash("sha3-256", xmpp::caps2_input(*info)) + "</hash>"));
}

}  // namespace
}  // namespace starling::modules
