// In-band registration of those who have an account; for the rest see stream/.
#include <thread>

#include "modules/test_modules.h"

namespace starling::modules {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class RegisterModule : public ModuleTest {
 protected:
  // The only answer, whenever the pool of threads has it.
  std::string query(core::TestClient& client, const std::string& type, const std::string& to,
                    const std::string& content) {
    client.send("<iq id='q' type='" + type + "'" + (to.empty() ? "" : " to='" + to + "'") +
                "><query xmlns='jabber:iq:register'>" + content + "</query></iq>");
    std::vector<std::string> got;
    while (got.empty()) {
      server_.settle();
      got = client.take();
      std::this_thread::yield();
    }
    EXPECT_EQ(got.size(), 1U);
    return got[0];
  }
  bool password_is(const char* account, const char* password) {
    const auto check =
        server_.wait(server_.server().authenticator().check_password(core::jid(account), password));
    return check.value();
  }
  static std::string change(const std::string& username, const std::string& password) {
    return "<username>" + username + "</username><password>" + password + "</password>";
  }
  core::TestClient& alice() { return server_.connect("alice@example.org/phone"); }
};
INSTANTIATE_TEST_SUITE_P(Workers, RegisterModule, testing::Values(1, 3));

// Section 3.1, example 3.
TEST_P(RegisterModule, Get_TellsWhoIsRegistered) {
  core::TestClient& client = alice();
  for (const char* to : {"", "example.org"}) {
    EXPECT_THAT(query(client, "get", to, ""),
                HasSubstr("<query xmlns='jabber:iq:register'><registered/>"
                          "<username>alice</username><password/></query>"));
  }
  EXPECT_THAT(query(client, "get", "example.net", ""), HasSubstr("<registration-required "));
}

// Section 3.3.
TEST_P(RegisterModule, PasswordChange_IsForOneself) {
  core::TestClient& client = alice();
  EXPECT_EQ(query(client, "set", "example.org", change("alice", "newpass")),
            result("example.org", "alice@example.org/phone", ""));
  EXPECT_TRUE(password_is("alice@example.org", "newpass"));
  EXPECT_EQ(query(client, "set", "", change("Alice", "other")),
            result("alice@example.org", "alice@example.org/phone", ""));
  EXPECT_TRUE(password_is("alice@example.org", "other"));
  EXPECT_THAT(query(client, "set", "example.org", change("bob", "x")), HasSubstr("<not-allowed "));
  EXPECT_THAT(query(client, "set", "example.org", change("alice", "")),
              HasSubstr("<not-acceptable "));
  EXPECT_THAT(query(client, "set", "", "<username>alice</username>"), HasSubstr("<bad-request "));
  EXPECT_THAT(query(client, "set", "", ""), HasSubstr("<bad-request "));
  EXPECT_THAT(query(client, "set", "example.net", change("alice", "x")),
              HasSubstr("<registration-required "));
  EXPECT_THAT(query(client, "set", "bob@example.org", change("bob", "x")),
              HasSubstr("<service-unavailable "));
  EXPECT_TRUE(password_is("alice@example.org", "other"));
}

// Section 3.2: the result first, then the end of all sessions.
TEST_P(RegisterModule, Remove_IsAnsweredAndThenAllEnds) {
  for (const char* to : {"", "example.org"}) {
    server_.create_account(core::jid("dora@example.org"));
    core::TestClient& phone = server_.online("dora@example.org/phone");
    core::TestClient& desk = server_.connect("dora@example.org/desk");
    const std::string from = *to == '\0' ? "dora@example.org" : to;
    EXPECT_EQ(query(phone, "set", to, "<remove/>"), result(from, "dora@example.org/phone", ""));
    EXPECT_EQ(phone.ended(), xmpp::StreamCondition::not_authorized);
    EXPECT_EQ(desk.ended(), xmpp::StreamCondition::not_authorized);
    EXPECT_FALSE(server_.wait(server_.store().accounts().find("example.org", "dora")));
  }
}

TEST_P(RegisterModule, RemoveThatCannotBe_LeavesTheAccount) {
  core::TestClient& client = alice();
  EXPECT_THAT(query(client, "set", "", "<remove/><username>alice</username>"),
              HasSubstr("<bad-request "));
  EXPECT_THAT(query(client, "set", "example.net", "<remove/>"),
              HasSubstr("<registration-required "));
  server_.store().fail_call(2);
  EXPECT_THAT(query(client, "set", "", "<remove/>"), HasSubstr("<resource-constraint "));
  EXPECT_FALSE(client.ended());
  EXPECT_TRUE(server_.wait(server_.store().accounts().find("example.org", "alice")));
}

}  // namespace
}  // namespace starling::modules
