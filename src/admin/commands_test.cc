// What commands do to a server with clients: sessions, rosters, messages, archives, bans, trace.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "admin/test_admin.h"

namespace starling::admin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class AdminCommandsTest : public ::testing::TestWithParam<std::size_t>, protected TestAdmin {
 protected:
  AdminCommandsTest() : TestAdmin(GetParam()) {}
};

INSTANTIATE_TEST_SUITE_P(Workers, AdminCommandsTest, ::testing::Values(1, 3));

TEST_P(AdminCommandsTest, Sessions_AreDescribed) {
  auto& phone = server_.online("alice@example.org/phone", 5);
  phone.send("<presence><show>dnd</show><status>Busy</status><priority>7</priority></presence>");
  server_.connect("alice@example.org/laptop");
  const Json infos = ask("user_sessions_info", {"alice", "example.org"});
  ASSERT_EQ(infos.size(), 2U);
  EXPECT_EQ(infos[0]["resource"], "phone");
  EXPECT_EQ(infos[0]["status"], "dnd");
  EXPECT_EQ(infos[0]["statustext"], "Busy");
  EXPECT_EQ(infos[0]["priority"], 7);
  EXPECT_EQ(infos[0]["connection"], "c2s");
  EXPECT_EQ(infos[1]["status"], "unavailable");
  const Json all = ask("connected_users_info");
  ASSERT_EQ(all.size(), 3U);  // carol, the bystander, is online
  EXPECT_EQ(all[1]["jid"], "alice@example.org/phone");
  EXPECT_EQ(all[1]["status"], "dnd");
  EXPECT_EQ(all[1]["statustext"], "Busy");
  EXPECT_EQ(all[1]["priority"], 7);
  EXPECT_EQ(all[1]["resource"], "phone");
  const Json next = ask("connected_users_info", {"alice@example.org/laptop", "1"});
  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(next[0]["resource"], "phone");
  EXPECT_EQ(ask("user_resources", {"alice", "example.org"}), Json({"phone", "laptop"}));
  EXPECT_EQ(ask("num_resources", {"alice", "example.org"}), 2);
  EXPECT_EQ(ask("resource_num", {"alice", "example.org", "2"}), "laptop");
  EXPECT_EQ(refusal("resource_num", {"alice", "example.org", "3"}).code, Errc::not_found);
  EXPECT_EQ(refusal("resource_num", {"alice", "example.org", "0"}).code, Errc::not_found);
  EXPECT_EQ(ask("get_presence", {"alice", "example.org"})["jid"], "alice@example.org/phone");
  EXPECT_EQ(ask("get_presence", {"bob", "example.org"})["show"], "unavailable");
}

TEST(AdviseCommandTest, GoesByTheConfiguredCapacity) {
  TestAdmin admin(1, {.capacity = [] { return config::CapacityOptions{.sessions = 1'000}; }});
  const Json advice = admin.ask("advise", {"60000", "10"});  // 7,800 sessions
  EXPECT_THAT(advice["target"].get<std::string>(), HasSubstr("1000 sessions are 100 %"));
  for (const Json& group : advice["groups"]) {
    EXPECT_EQ(group["nodes"], 13);
    EXPECT_EQ(group["limit"], "sessions");
  }
}

TEST_P(AdminCommandsTest, Statuses_AreCountedAndListed) {
  auto& alice = server_.online("alice@example.org/a");
  alice.send("<presence><show>away</show></presence>");
  server_.connect("bob@example.org/b");
  EXPECT_EQ(ask("status_num", {"away"}), 1);
  EXPECT_EQ(ask("status_num", {"all"}), 3);
  EXPECT_EQ(ask("status_num", {"available"}), 1);  // carol
  EXPECT_EQ(ask("status_num_host", {"example.org", "unavailable"}), 1);
  EXPECT_EQ(ask("status_list", {"away"})[0]["jid"], "alice@example.org/a");
  EXPECT_EQ(ask("status_list_host", {"example.org", "dnd"}), Json::array());
  EXPECT_EQ(ask("status_list", {"all", "", "2"}).size(), 2U);
  EXPECT_EQ(ask("status_list_host", {"example.org", "all", "alice@example.org/a", "1"})[0]["jid"],
            "bob@example.org/b");
  EXPECT_EQ(ask("connected_users_vhost", {"example.org"}).size(), 3U);
  EXPECT_EQ(ask("stats_host", {"onlineusers", "example.org"}), 3);
  EXPECT_EQ(ask("stats", {"registeredusers"}), 3);
}

TEST_P(AdminCommandsTest, KickSession_EndsThatOneOnly) {
  auto& phone = server_.online("alice@example.org/phone");
  auto& laptop = server_.online("alice@example.org/laptop");
  phone.take();
  ask("kick_session", {"alice", "example.org", "phone", "stuck"});
  EXPECT_EQ(phone.ended(), xmpp::StreamCondition::policy_violation);
  EXPECT_FALSE(laptop.ended());
  laptop.take();
  EXPECT_EQ(refusal("kick_session", {"alice", "example.org", "phone", ""}).code, Errc::not_found);
}

TEST_P(AdminCommandsTest, Roster_IsChangedAndPushed) {
  auto& alice = server_.online("alice@example.org/a");
  alice.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
  alice.session().interested = true;  // there is no roster module here
  auto& bob = server_.online("bob@example.org/b");
  alice.take();
  ask("add_rosteritem",
      {"alice", "example.org", "bob", "example.org", "Bobby", "Friends,Work", "from"});
  EXPECT_THAT(alice.take(), ElementsAre(HasSubstr("subscription='from'><group>Friends</group>"
                                                  "<group>Work</group></item>")));
  // He may see her now, and does.
  EXPECT_THAT(bob.take(), ElementsAre(HasSubstr("<presence from='alice@example.org/a'")));
  const Json roster = ask("get_roster", {"alice", "example.org"});
  ASSERT_EQ(roster.size(), 1U);
  EXPECT_EQ(roster[0]["jid"], "bob@example.org");
  EXPECT_EQ(roster[0]["nick"], "Bobby");
  EXPECT_EQ(roster[0]["subscription"], "from");
  EXPECT_EQ(roster[0]["pending"], "none");
  EXPECT_EQ(roster[0]["groups"], Json({"Friends", "Work"}));
  EXPECT_EQ(ask("get_roster_count", {"alice", "example.org"}), 1);
  ask("delete_rosteritem", {"alice", "example.org", "bob", "example.org"});
  EXPECT_THAT(alice.take(), ElementsAre(HasSubstr("subscription='remove'")));
  EXPECT_THAT(bob.take(), ElementsAre(HasSubstr("type='unavailable'")));
  EXPECT_EQ(ask("get_roster", {"alice", "example.org"}), Json::array());
  EXPECT_EQ(refusal("delete_rosteritem", {"alice", "example.org", "bob", "example.org"}).code,
            Errc::not_found);
}

TEST_P(AdminCommandsTest, Roster_ComesByPages) {
  for (const char* contact : {"x", "y", "z"}) {
    ask("add_rosteritem", {"alice", "example.org", contact, "elsewhere.example", "", "", "both"});
  }
  const auto jids = [&](const char* after, const char* limit) {
    std::vector<std::string> all;
    for (const Json& item : ask("get_roster", {"alice", "example.org", after, limit})) {
      all.push_back(item["jid"].get<std::string>());
    }
    return all;
  };
  EXPECT_THAT(jids("", "2"), ElementsAre("x@elsewhere.example", "y@elsewhere.example"));
  EXPECT_THAT(jids("y@elsewhere.example", "2"), ElementsAre("z@elsewhere.example"));
  EXPECT_THAT(jids("z@elsewhere.example", ""), IsEmpty());
  EXPECT_EQ(refusal("get_roster", {"alice", "example.org", "a@b@c"}).code, Errc::invalid);
  EXPECT_EQ(ask("get_roster_count", {"alice", "example.org"}), 3);
}

TEST_P(AdminCommandsTest, RosterOfSomebodyOffline_IsChangedInTheStore) {
  ask("add_rosteritem", {"alice", "example.org", "x", "elsewhere.example", "", "", "both"});
  const auto item = server_.stored_item("alice@example.org", "x@elsewhere.example");
  ASSERT_TRUE(item);
  EXPECT_TRUE(item->subscription.to && item->subscription.from);
  EXPECT_EQ(
      refusal("add_rosteritem", {"alice", "example.org", "alice", "example.org", "", "", "both"})
          .message,
      "nobody is a contact of oneself");
  EXPECT_EQ(
      refusal("add_rosteritem", {"alice", "example.org", "b", "example.org", "", ",x", "none"})
          .code,
      Errc::invalid);
}

TEST_P(AdminCommandsTest, SendMessage_ReachesAndIsArchived) {
  auto& bob = server_.online("bob@example.org/b");
  ask("send_message", {"chat", "alice@example.org", "bob@example.org", "", "a < b"});
  EXPECT_THAT(bob.take(), ElementsAre(HasSubstr("<body>a &lt; b</body>")));
  EXPECT_EQ(ask("get_mam_count", {"alice", "example.org"}), 1);
  EXPECT_EQ(ask("get_mam_count", {"bob", "example.org"}), 1);
  ask("send_message", {"headline", "example.org", "bob@example.org", "Soon", "Update"});
  EXPECT_THAT(bob.take(),
              ElementsAre(HasSubstr("from='example.org' to='bob@example.org' type='headline'>"
                                    "<subject>Soon</subject><body>Update</body>")));
  EXPECT_THAT(
      refusal("send_message", {"chat", "a@elsewhere.example", "bob@example.org", "", "x"}).message,
      HasSubstr("FROM is not of this server"));
  EXPECT_EQ(
      refusal("send_message", {"chat", "nobody@example.org", "bob@example.org", "", "x"}).code,
      Errc::not_found);
}

TEST_P(AdminCommandsTest, SendStanza_SetsTheAddresses) {
  auto& bob = server_.online("bob@example.org/b");
  ask("send_stanza",
      {"example.org", "bob@example.org/b", "<message from='x@y' id='1'><body>Hi</body></message>"});
  EXPECT_THAT(bob.take(), ElementsAre(HasSubstr("from='example.org'")));
  for (const char* bad : {"<message>", "<iq type='get'/>", "<stream/>", "hello", ""}) {
    EXPECT_EQ(refusal("send_stanza", {"example.org", "bob@example.org/b", bad}).code, Errc::invalid)
        << bad;
  }
}

TEST_P(AdminCommandsTest, OfflineMessages_AreCountedAndOutliveTheArchive) {
  for (const char* text : {"one", "two"}) {
    ask("send_message", {"chat", "alice@example.org", "bob@example.org", "", text});
  }
  EXPECT_EQ(ask("get_offline_count", {"bob", "example.org"}), 2);
  EXPECT_EQ(ask("get_offline_count", {"alice", "example.org"}), 0);
  EXPECT_EQ(ask("remove_mam_for_user", {"bob", "example.org"}), 0);
  EXPECT_EQ(ask("remove_mam_for_user", {"alice", "example.org"}), 2);
  auto& bob = server_.connect("bob@example.org/b");
  bob.send("<presence/>");
  EXPECT_EQ(bob.take().size(), 3U);  // his presence, and both
  EXPECT_EQ(ask("get_offline_count", {"bob", "example.org"}), 0);
  EXPECT_EQ(ask("remove_mam_for_user", {"bob", "example.org"}), 2);
  EXPECT_EQ(ask("get_mam_count", {"bob", "example.org"}), 0);
}

TEST_P(AdminCommandsTest, OneConversation_IsRemoved) {
  auto& bob = server_.online("bob@example.org/b");
  bob.send("<message to='alice@example.org' type='chat'><body>1</body></message>",
           "<message to='dave@elsewhere.example' type='chat'><body>2</body></message>");
  bob.take();
  EXPECT_EQ(ask("remove_mam_for_user_with_peer", {"bob", "example.org", "alice@example.org"}), 1);
  EXPECT_EQ(ask("remove_mam_for_user_with_peer", {"bob", "example.org", "alice@example.org"}), 0);
  EXPECT_THAT(server_.archive_of("bob@example.org"), ElementsAre(HasSubstr("<body>2</body>")));
}

TEST_P(AdminCommandsTest, OldMessages_AreRemovedByAge) {
  ask("send_message", {"chat", "alice@example.org", "bob@example.org", "", "x"});
  EXPECT_EQ(ask("delete_old_mam_messages", {"all", "1"}), 0);
  EXPECT_EQ(ask("delete_old_mam_messages", {"groupchat", "0"}), 0);
  EXPECT_EQ(ask("delete_old_mam_messages", {"chat", "0"}), 2);
  EXPECT_THAT(server_.archive_of("bob@example.org"), IsEmpty());
}

TEST_P(AdminCommandsTest, BannedAccount_IsOutUntilUnbanned) {
  auto& alice = server_.online("alice@example.org/a");
  EXPECT_EQ(ask("ban_account", {"alice", "example.org", "sends spam"}), 1);
  EXPECT_EQ(alice.ended(), xmpp::StreamCondition::policy_violation);
  const Json details = ask("get_ban_details", {"alice", "example.org"});
  EXPECT_EQ(details["reason"], "sends spam");
  EXPECT_THAT(details["bandate"].get<std::string>(), HasSubstr("T"));
  EXPECT_EQ(ask("list_banned", {"all"}), Json({"alice@example.org"}));
  EXPECT_EQ(ask("list_banned", {"example.org"}), Json({"alice@example.org"}));
  EXPECT_EQ(refusal("list_banned", {"nowhere.example"}).code, Errc::invalid);
  ask("register", {"dave", "example.net", "x"});
  for (const auto& [user, host] : {std::pair("dave", "example.net"), {"bob", "example.org"}}) {
    ask("ban_account", {user, host, ""});
  }
  EXPECT_EQ(ask("list_banned", {"all", "", "2"}), Json({"dave@example.net", "alice@example.org"}));
  EXPECT_EQ(ask("list_banned", {"all", "alice@example.org", "2"}), Json({"bob@example.org"}));
  EXPECT_EQ(ask("list_banned", {"all", "dave@example.net", "1"}), Json({"alice@example.org"}));
  ask("unban_account", {"dave", "example.net"});
  ask("unban_account", {"bob", "example.org"});
  ask("unban_account", {"alice", "example.org"});
  EXPECT_EQ(refusal("unban_account", {"alice", "example.org"}).code, Errc::not_found);
  EXPECT_EQ(refusal("get_ban_details", {"alice", "example.org"}).code, Errc::not_found);
  EXPECT_EQ(ask("list_banned", {"all"}), Json::array());
}

TEST_P(AdminCommandsTest, Fail2ban_IsListedAndLifted) {
  EXPECT_EQ(ask("list_refused"), Json::array());
  EXPECT_EQ(ask("unban_ip", {"203.0.113.7"}), 0);
  EXPECT_EQ(refusal("unban_ip", {"what?"}).code, Errc::invalid);
}

TEST_P(AdminCommandsTest, LastActivity_IsSetAndCounted) {
  EXPECT_EQ(ask("get_last", {"alice", "example.org"})["status"], "NOT FOUND");
  EXPECT_EQ(ask("num_active_users", {"example.org", "30"}), 1);  // carol is online
  ask("set_last", {"alice", "example.org", "1000000000", "Bye"});
  const Json last = ask("get_last", {"alice", "example.org"});
  EXPECT_EQ(last["timestamp"], "2001-09-09T01:46:40Z");
  EXPECT_EQ(last["status"], "Bye");
  EXPECT_EQ(ask("num_active_users", {"example.org", "30"}), 1);
  EXPECT_EQ(ask("num_active_users", {"example.org", "20000"}), 2);
  EXPECT_EQ(ask("get_last", {"carol", "example.org"})["status"], "ONLINE");
  EXPECT_EQ(refusal("set_last", {"alice", "example.org", "1000000000000", ""}).code, Errc::invalid);
}

TEST_P(AdminCommandsTest, WithoutAHook_ConfigurationCommandsAreRefused) {
  EXPECT_EQ(refusal("reload_config").code, Errc::invalid);
  EXPECT_EQ(refusal("dump_config").code, Errc::invalid);
}

TEST_P(AdminCommandsTest, Trace_ShowsLinesUntilItsCount) {
  std::vector<Json> lines;
  const auto audience = std::make_shared<Audience>([&](const Json& line) {
    lines.push_back(line);
    return true;
  });
  Gate gate;
  std::optional<Result<Json>> result;
  const auto collect = [](Admin* admin, std::shared_ptr<Audience> to,
                          std::optional<Result<Json>>* out) -> Task<void> {
    std::vector<std::string> arguments{"alice@example.org", "2"};
    out->emplace(co_await admin->run("trace", std::move(arguments), std::move(to)));
  };
  server_.loop(0).inside([&] { gate.spawn(collect(&admin_, audience, &result)); });
  server_.settle();
  auto& alice = server_.online("alice@example.org/a");
  auto& trace = server_.home("alice@example.org").trace();
  ASSERT_TRUE(trace.watches(alice.session().jid));
  auto message =
      xmpp::Stanza::from_text("<message to='b@example.org'><body>secret</body></message>");
  message.set_trace_id({.high = 1, .low = 2});
  for (int i = 0; i < 3; ++i) {
    trace.stanza(core::Trace::Direction::in, 7, alice.session(), message);
  }
  for (int i = 0; i < 20 && gate.count() > 0; ++i) {
    server_.loop(0).advance(std::chrono::milliseconds(100));
    server_.settle();
  }
  ASSERT_EQ(gate.count(), 0);
  EXPECT_FALSE(trace.watches(alice.session().jid));
  ASSERT_EQ(lines.size(), 3U);  // that it has begun, and two
  EXPECT_EQ(lines[0]["tracing"], "alice@example.org");
  EXPECT_EQ(lines[1]["direction"], "in");
  EXPECT_EQ(lines[1]["stream"], 7);
  EXPECT_EQ(lines[1]["trace_id"], "00000000000000010000000000000002");
  EXPECT_EQ(lines[1]["xml"], "<message to='b@example.org'><body>[6]</body></message>");
  EXPECT_EQ((**result)["stanzas"], 2);
}

TEST_P(AdminCommandsTest, TraceOfNoAccountOfOurs_IsRefused) {
  EXPECT_EQ(refusal("trace", {"example.org"}).code, Errc::invalid);
  EXPECT_EQ(refusal("trace", {"a@elsewhere.example"}).code, Errc::invalid);
}

}  // namespace
}  // namespace starling::admin
