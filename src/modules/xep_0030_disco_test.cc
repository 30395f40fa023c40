#include "modules/test_modules.h"

namespace starling::modules {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kInfo = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
constexpr const char* kItems = "<query xmlns='http://jabber.org/protocol/disco#items'/>";

class DiscoModule : public ModuleTest {};
INSTANTIATE_TEST_SUITE_P(Workers, DiscoModule, testing::Values(1, 3));

TEST_P(DiscoModule, Host_NamesItselfAndItsFeatures) {
  core::TestClient& alice = server_.connect("alice@example.org/phone");
  const std::string info = ask(alice, "get", "example.org", kInfo);
  EXPECT_THAT(info,
              HasSubstr("<identity category='server' type='im' name='Starling' xml:lang='en'/>"));
  for (const char* feature :
       {"http://jabber.org/protocol/disco#info", "http://jabber.org/protocol/disco#items",
        "http://jabber.org/protocol/caps", "urn:xmpp:ping", "urn:xmpp:time", "jabber:iq:version"}) {
    EXPECT_THAT(info, HasSubstr("<feature var='" + std::string(feature) + "'/>"));
  }
  EXPECT_EQ(ask(alice, "get", "example.org", kItems),
            result("example.org", "alice@example.org/phone", kItems));
}

TEST_P(DiscoModule, UnknownNode_IsNotFound) {
  core::TestClient& alice = server_.connect("alice@example.org/phone");
  for (const char* to : {"example.org", "alice@example.org"}) {
    for (const char* what : {"info", "items"}) {
      EXPECT_THAT(ask(alice, "get", to,
                      "<query node='x' xmlns='http://jabber.org/protocol/disco#" +
                          std::string(what) + "'/>"),
                  HasSubstr("<item-not-found "));
    }
  }
}

TEST_P(DiscoModule, OwnAccount_Answers) {
  core::TestClient& alice = server_.connect("alice@example.org/phone");
  for (const char* to : {"", "alice@example.org"}) {
    EXPECT_THAT(ask(alice, "get", to, kInfo),
                HasSubstr("<identity category='account' type='registered'/>"));
    EXPECT_THAT(ask(alice, "get", to, kItems), HasSubstr("type='result'"));
  }
}

// XEP-0030 section 8: who may not see the account's presence learns nothing, not even that it is.
TEST_P(DiscoModule, Account_AnswersSubscribersOnly) {
  core::TestClient& alice = server_.connect("alice@example.org/phone");
  const auto refusal = [&](const std::string& of, const char* what) {
    std::string answer = ask(alice, "get", of, what);
    EXPECT_THAT(answer, HasSubstr("<service-unavailable "));
    return answer.replace(answer.find(of), of.size(), "?");
  };
  for (const char* what : {kInfo, kItems}) {
    EXPECT_EQ(refusal("bob@example.org", what), refusal("nobody@example.org", what));
  }
  server_.write_item("bob@example.org", "alice@example.org", {.to = true, .pending_in = true});
  EXPECT_THAT(ask(alice, "get", "bob@example.org", kInfo), HasSubstr("<service-unavailable "));
  server_.write_item("bob@example.org", "alice@example.org", {.from = true});
  EXPECT_THAT(ask(alice, "get", "bob@example.org", kInfo), HasSubstr("category='account'"));
  server_.online("bob@example.org/phone");
  EXPECT_THAT(ask(alice, "get", "bob@example.org", kInfo), HasSubstr("category='account'"));
  EXPECT_THAT(ask(alice, "get", "bob@example.org", kItems), HasSubstr("type='result'"));
}

TEST_P(DiscoModule, StoreFailure_ShowsNothing) {
  server_.write_item("bob@example.org", "alice@example.org", {.from = true});
  core::TestClient& alice = server_.connect("alice@example.org/phone");
  server_.store().fail_call(1);
  EXPECT_THAT(ask(alice, "get", "bob@example.org", kInfo), Not(HasSubstr("category")));
}

TEST_P(DiscoModule, FullJid_IsTheClientsToAnswer) {
  core::TestClient& alice = server_.connect("alice@example.org/phone");
  core::TestClient& bob = server_.connect("bob@example.org/phone");
  alice.send("<iq type='get' id='1' to='bob@example.org/phone'>" + std::string(kInfo) + "</iq>");
  EXPECT_EQ(bob.take().size(), 1U);
  bob.send("<iq type='result' id='1' to='alice@example.org/phone'/>");
  EXPECT_THAT(alice.take(),
              testing::ElementsAre("<iq from='bob@example.org/phone' to='alice@example.org/phone' "
                                   "type='result' id='1'/>"));
}

}  // namespace
}  // namespace starling::modules
