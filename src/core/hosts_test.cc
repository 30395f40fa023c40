#include "core/hosts.h"

#include "core/test_server.h"

namespace starling::core {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class HostsTest : public ServerTest {
 protected:
  static HostOptionsByName serving(std::initializer_list<const char*> names,
                                   const config::HostOptions& options = {}) {
    HostOptionsByName hosts;
    for (const char* name : names) hosts.emplace(name, options);
    return hosts;
  }
  void replace(HostOptionsByName hosts) {
    server_.server().replace_hosts(std::move(hosts));
    server_.settle();
  }
};
INSTANTIATE_TEST_SUITE_P(Workers, HostsTest, testing::Values(1, 3));

TEST_P(HostsTest, Replace_ANewHostIsServedAndNobodyNotices) {
  TestClient& alice = server_.online("alice@example.org/phone");
  replace(serving({"example.org", "example.net", "new.example"}));
  EXPECT_THAT(server_.server().host_names(),
              ElementsAre("example.net", "example.org", "new.example"));
  EXPECT_FALSE(alice.ended());
  TestClient& nick = server_.online("nick@new.example/desk");
  alice.send("<message to='nick@new.example/desk'><body>hi</body></message>");
  EXPECT_EQ(nick.take().size(), 1U);
  alice.take();
}

TEST_P(HostsTest, Replace_TheSessionsOfAHostThatIsGoneEnd) {
  TestClient& alice = server_.online("alice@example.org/phone");
  TestClient& dora = server_.online("dora@example.net/phone");
  dora.send("<presence to='alice@example.org/phone'/>");
  alice.take();
  replace(serving({"example.org"}));
  EXPECT_EQ(dora.ended(), xmpp::StreamCondition::host_gone);
  EXPECT_FALSE(alice.ended());
  EXPECT_EQ(server_.server().session_count("example.net"), 0);
  EXPECT_THAT(alice.take(), ElementsAre("<presence from='dora@example.net/phone' "
                                        "to='alice@example.org/phone' type='unavailable'/>"));
  alice.send("<message to='dora@example.net' id='1'><body>hi</body></message>");
  EXPECT_THAT(alice.take(), ElementsAre(testing::HasSubstr("remote-server-not-found")));
}

TEST_P(HostsTest, Replace_WhatIsUnderWayEndsWithTheHostItBeganWith) {
  TestClient& alice = server_.online("alice@example.org/phone");
  server_.create_account(jid("dora@example.net"));
  server_.store().hold();
  alice.send_now("<message to='dora@example.net' type='chat'><body>1</body></message>");
  server_.settle();
  replace(serving({"example.org"}));
  replace(serving({"example.org", "example.net"}));
  server_.store().release();
  server_.settle();
  EXPECT_FALSE(alice.ended());
  alice.take();
}

TEST_P(HostsTest, Replace_AHostThatComesBackHasItsAccounts) {
  server_.online("dora@example.net/phone");
  replace(serving({"example.org"}));
  replace(serving({"example.org", "example.net"}));
  TestClient& dora = server_.online("dora@example.net/phone");
  EXPECT_TRUE(dora.connected());
  EXPECT_EQ(server_.server().session_count("example.net"), 1);
}

TEST_P(HostsTest, Bind_NoMoreSessionsOfAUserThanAllowed) {
  config::HostOptions options;
  options.access.shaper_rules["max_user_sessions"] = {{.value = "2", .acls = {"all"}}};
  replace(serving({"example.org"}, options));
  TestClient& first = server_.online("alice@example.org/1");
  server_.online("alice@example.org/2");
  EXPECT_FALSE(server_.connect("alice@example.org/3").connected());
  EXPECT_TRUE(server_.connect("bob@example.org/1").connected());
  // The same resource again takes no more room.
  EXPECT_TRUE(server_.connect("alice@example.org/2").connected());
  first.disconnect();
  EXPECT_TRUE(server_.connect("alice@example.org/3").connected());
}

TEST_P(HostsTest, Bind_NoMoreSessionsOfAHostThanAllowed) {
  config::HostOptions options;
  options.max_sessions = 3;  // the bystander's is one of them
  replace(serving({"example.org"}, options));
  server_.connect("alice@example.org/1");
  TestClient& bob = server_.connect("bob@example.org/1");
  EXPECT_FALSE(server_.connect("alice@example.org/2").connected());
  bob.disconnect();
  EXPECT_TRUE(server_.connect("alice@example.org/2").connected());
}

}  // namespace
}  // namespace starling::core
