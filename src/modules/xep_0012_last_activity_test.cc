#include <regex>
#include <string>

#include "modules/test_modules.h"

namespace starling::modules {
namespace {

using testing::HasSubstr;

class LastActivityModule : public ModuleTest {
 protected:
  LastActivityModule() {
    server_.write_item("alice@example.org", "bob@example.org", {.to = true, .from = true});
  }
  // The content of the result, with any number of seconds as N; or the whole error.
  std::string last(core::TestClient& client, const std::string& to) {
    const std::string answer = ask(client, "get", to, "<query xmlns='jabber:iq:last'/>");
    if (answer.find("type='result'") == std::string::npos) return answer;
    const auto document = xml::Document::parse(answer);
    return std::regex_replace(std::string(document->root().raw_content()),
                              std::regex("seconds='[0-9]+'"), "seconds='N'");
  }
  std::string raw(core::TestClient& client, const std::string& to) {
    return ask(client, "get", to, "<query xmlns='jabber:iq:last'/>");
  }
  std::size_t rows(const char* account) {
    return server_.wait(server_.store().maps().scan(account, "last-activity"))->size();
  }
  core::TestClient& bob_ = server_.connect("bob@example.org/phone");
};
INSTANTIATE_TEST_SUITE_P(Workers, LastActivityModule, testing::Values(1, 3));

// Section 5.
TEST_P(LastActivityModule, Host_TellsItsUptime) {
  EXPECT_EQ(last(bob_, "example.org"), "<query xmlns='jabber:iq:last' seconds='N'/>");
}

// Section 3: zero while anything is connected, then the time and the last words.
TEST_P(LastActivityModule, Contact_SeesWhenTheUserWent) {
  core::TestClient& alice = server_.online("alice@example.org/phone");
  core::TestClient& desk = server_.online("alice@example.org/desk");
  EXPECT_THAT(raw(bob_, "alice@example.org"), HasSubstr(" seconds='0'/>"));
  alice.send("<presence type='unavailable'><status>not yet</status></presence>");
  EXPECT_EQ(rows("alice@example.org"), 0U);
  desk.send("<presence type='unavailable'><status>Heading &lt;Home></status></presence>");
  EXPECT_THAT(raw(bob_, "alice@example.org"), HasSubstr(" seconds='0'/>"));  // connected
  alice.disconnect();
  desk.disconnect();
  EXPECT_EQ(last(bob_, "alice@example.org"),
            "<query xmlns='jabber:iq:last' seconds='N'>Heading &lt;Home&gt;</query>");
}

TEST_P(LastActivityModule, SessionThatJustEnds_LeavesNoWords) {
  server_.online("alice@example.org/phone").disconnect();
  EXPECT_EQ(last(bob_, "alice@example.org"), "<query xmlns='jabber:iq:last' seconds='N'/>");
}

TEST_P(LastActivityModule, Restart_Remembers) {
  server_.online("alice@example.org/phone")
      .send("<presence type='unavailable'><status>Gone</status></presence>");
  server_.restart();
  core::TestClient& bob = server_.connect("bob@example.org/phone");
  EXPECT_THAT(last(bob, "alice@example.org"), HasSubstr(">Gone</query>"));
}

TEST_P(LastActivityModule, Strangers_AreForbidden) {
  core::TestClient& alice = server_.connect("alice@example.org/phone");
  EXPECT_THAT(last(alice, "bob@example.org"), HasSubstr("<forbidden "));
  EXPECT_THAT(raw(alice, "alice@example.org"), HasSubstr(" seconds='0'/>"));
}

TEST_P(LastActivityModule, NobodyEverSeen_IsNotFound) {
  EXPECT_THAT(last(bob_, "alice@example.org"), HasSubstr("<item-not-found "));
}

TEST_P(LastActivityModule, StoreFailure_IsAnError) {
  server_.store().fail_call(1);
  EXPECT_THAT(last(bob_, "alice@example.org"), HasSubstr("<resource-constraint "));
}

// An account that is removed leaves nothing, though its sessions go after it.
TEST_P(LastActivityModule, RemovedAccount_LeavesNothing) {
  core::TestClient& alice = server_.online("alice@example.org/phone");
  ask(alice, "set", "", "<query xmlns='jabber:iq:register'><remove/></query>");
  EXPECT_TRUE(alice.ended());
  EXPECT_EQ(rows("alice@example.org"), 0U);
}

}  // namespace
}  // namespace starling::modules
