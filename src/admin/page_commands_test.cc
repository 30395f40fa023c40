// What the commands that the operators' page needs tell of one node; those of several are in
// tests/daemon/test_page_commands.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "admin/cluster_timeline.h"
#include "admin/load_ring.h"
#include "admin/test_admin.h"

namespace starling::admin {
namespace {

using ::testing::ElementsAre;

class PageCommandsTest : public ::testing::TestWithParam<std::size_t>, protected TestAdmin {
 protected:
  PageCommandsTest() : TestAdmin(GetParam()) {
    Admin::add_procedures(server_.server().procedures());
  }
  std::vector<std::string> of_items(const Json& page, const char* name) {
    std::vector<std::string> values;
    for (const Json& item : page["items"]) values.push_back(item[name].get<std::string>());
    return values;
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, PageCommandsTest, ::testing::Values(1, 3));

TEST_P(PageCommandsTest, Overview_CountsWhatIsThere) {
  server_.online("alice@example.org/phone");
  const Json all = ask("overview");
  EXPECT_EQ(all["sessions"], 2);  // carol, the bystander, is online
  EXPECT_EQ(all["accounts"], 3);
  ASSERT_EQ(all["nodes"].size(), 1U);
  EXPECT_EQ(all["nodes"][0]["state"], "up");
  EXPECT_EQ(all["nodes"][0]["sessions"], 2);
  EXPECT_EQ(all["alerts"], Json::array());
  EXPECT_EQ(all["missing"], Json::array());
  const Json hosts = ask("list_hosts")["items"];
  const auto ours =
      std::ranges::find_if(hosts, [](const Json& one) { return one["host"] == "example.org"; });
  ASSERT_NE(ours, hosts.end());
  EXPECT_EQ((*ours)["sessions"], 2);
}

TEST_P(PageCommandsTest, Sessions_ComeByPages) {
  for (const char* jid : {"alice@example.org/b", "alice@example.org/a", "bob@example.org/x"}) {
    server_.connect(jid);
  }
  const Json first = ask("list_sessions", {"", "", "3"});
  EXPECT_THAT(of_items(first, "jid"),
              ElementsAre("alice@example.org/a", "alice@example.org/b", "bob@example.org/x"));
  EXPECT_EQ(first["next"], "bob@example.org/x");
  const Json second = ask("list_sessions", {"", first["next"].get<std::string>(), "3"});
  EXPECT_EQ(second["items"].size(), 1U);  // carol
  EXPECT_TRUE(second["next"].is_null());
  EXPECT_THAT(of_items(ask("list_sessions", {"bob@"}), "jid"), ElementsAre("bob@example.org/x"));
  EXPECT_EQ(ask("list_sessions", {"example.org"})["items"].size(), 4U);
  EXPECT_EQ(ask("list_sessions", {"nowhere"})["items"], Json::array());
}

TEST_P(PageCommandsTest, Accounts_AreSearchedByTheirBeginning) {
  for (const char* name : {"al", "alan", "alb"}) {
    ask("register", {name, "example.org", "secret"});
  }
  server_.connect("alice@example.org/a");
  server_.connect("alice@example.org/b");
  ask("ban_account", {"alan", "example.org", "spam"});
  const Json all = ask("list_accounts", {"example.org"});
  EXPECT_THAT(of_items(all, "user"), ElementsAre("al", "alan", "alb", "alice", "bob", "carol"));
  EXPECT_EQ(all["items"][1]["banned"], true);
  EXPECT_EQ(all["items"][3]["sessions"], 2);
  const Json found = ask("list_accounts", {"example.org", "AL", "", "2"});
  EXPECT_THAT(of_items(found, "user"), ElementsAre("al", "alan"));
  EXPECT_EQ(found["next"], "alan");
  const Json rest = ask("list_accounts", {"example.org", "al", "alan", "2"});
  EXPECT_THAT(of_items(rest, "user"), ElementsAre("alb", "alice"));
  EXPECT_TRUE(rest["next"].is_null());
  EXPECT_EQ(ask("list_accounts", {"example.org", "x"})["items"], Json::array());
}

TEST_P(PageCommandsTest, Account_IsToldWithAllThatIsKnown) {
  ask("send_message", {"chat", "alice@example.org", "bob@example.org", "", "Hi"});
  ask("ban_account", {"bob", "example.org", "spam"});
  const Json bob = ask("account_info", {"bob", "example.org"});
  EXPECT_EQ(bob["archived"], 1);
  EXPECT_EQ(bob["archived_more"], false);
  EXPECT_EQ(bob["archive_newest"], bob["archive_oldest"]);
  EXPECT_EQ(bob["offline_messages"], 1);
  EXPECT_EQ(bob["ban_reason"], "spam");
  EXPECT_EQ(bob["sessions"], Json::array());
  EXPECT_TRUE(bob["last_activity"].is_null());
  const Json carol = ask("account_info", {"carol", "example.org"});
  EXPECT_EQ(carol["sessions"].size(), 1U);
  EXPECT_EQ(carol["banned"], false);
  EXPECT_EQ(refusal("account_info", {"nobody", "example.org"}).code, Errc::not_found);
}

TEST_P(PageCommandsTest, NodeThatIsAlone_HasNothingToRebalance) {
  EXPECT_EQ(refusal("rebalance").code, Errc::invalid);
  EXPECT_EQ(ask("cluster_events")["items"], Json::array());
}

TEST_P(PageCommandsTest, Log_IsShownFromALevelOn) {
  ask("set_loglevel", {"debug", "admin"});
  ask("kick_user", {"alice", "example.org"});
  ask("check_account", {"alice", "example.org"});
  const auto commands_in = [](const Json& page) {
    std::vector<std::string> commands;
    for (const Json& line : page["items"]) {
      if (line["event"] == "admin_command") commands.push_back(line["command"].get<std::string>());
    }
    return commands;
  };
  const auto all = commands_in(ask("recent_log"));
  ASSERT_GE(all.size(), 2U);
  EXPECT_THAT(std::vector(all.end() - 3, all.end()),
              ElementsAre("kick_user", "check_account", "recent_log"));
  EXPECT_THAT(commands_in(ask("recent_log", {"info", "1"})), ElementsAre("kick_user"));
  EXPECT_THAT(commands_in(ask("recent_log", {"error"})), ElementsAre());
  ask("set_loglevel", {"info", "admin"});
}

TEST_P(PageCommandsTest, Log_IsFollowed) {
  std::vector<Json> lines;
  const auto audience = std::make_shared<Audience>([&](const Json& line) {
    lines.push_back(line);
    return true;
  });
  Gate gate;
  std::optional<Result<Json>> result;
  const auto collect = [](Admin* admin, std::shared_ptr<Audience> to,
                          std::optional<Result<Json>>* out) -> Task<void> {
    std::vector<std::string> arguments{"info"};
    out->emplace(co_await admin->run("follow_log", std::move(arguments), std::move(to)));
  };
  server_.loop(0).inside([&] { gate.spawn(collect(&admin_, audience, &result)); });
  server_.settle();
  ASSERT_EQ(lines.size(), 1U);  // that it has begun, and nothing of before
  ask("kick_user", {"alice", "example.org"});
  server_.loop(0).advance(std::chrono::seconds(2));
  server_.settle();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[1]["command"], "kick_user");
  server_.loop(0).inside([&] { audience->leave(); });
  server_.settle();
  ASSERT_EQ(gate.count(), 0);
  EXPECT_EQ((**result)["lines"], 1);
}

TEST(LoadRing, Gaps_AreNull) {
  LoadRing ring;
  EXPECT_EQ(ring.series()["sessions"], Json::array());
  ring.add(1'000, {.sessions = 1});
  ring.add(1'000, {.sessions = 2});
  ring.add(1'002, {.sessions = 3});
  ring.add(1'001, {.sessions = 9});  // too late
  EXPECT_EQ(ring.series()["from"], 1'000);
  EXPECT_EQ(ring.series()["sessions"], Json({2, nullptr, 3}));
  ring.add(1'000 + LoadRing::kSteps + 5, {.sessions = 4});
  const Json later = ring.series();
  EXPECT_EQ(later["from"], 1'006);
  EXPECT_EQ(later["sessions"].size(), LoadRing::kSteps);
  EXPECT_TRUE(later["sessions"][0].is_null());
  EXPECT_EQ(later["sessions"].back(), 4);
}

TEST(LoadRing, Nodes_AreAddedUpByTime) {
  LoadRing early;
  LoadRing late;
  for (std::int64_t step = 10; step < 14; ++step)
    early.add(step, {.sessions = 1, .utilisation = 10});
  for (std::int64_t step = 12; step < 16; ++step)
    late.add(step, {.sessions = 2, .utilisation = 30});
  const Json sum = add_up({early.series(), late.series(), Json("nonsense"), LoadRing().series()});
  EXPECT_EQ(sum["from"], 10);
  EXPECT_EQ(sum["sessions"], Json({1, 1, 3, 3, 2, 2}));
  EXPECT_EQ(sum["utilisation"], Json({10, 10, 20, 20, 30, 30}));
}

TEST(LoadRing, AStepThatOneNodeHasYetToNote_DoesNotLookLikeAFall) {
  LoadRing quick;
  LoadRing slow;
  for (std::int64_t step = 10; step < 14; ++step) quick.add(step, {.sessions = 1});
  for (std::int64_t step = 10; step < 13; ++step) slow.add(step, {.sessions = 2});
  EXPECT_EQ(add_up({quick.series(), slow.series()})["sessions"], Json({3, 3, 3}));
}

cluster::PeerStatus peer(std::uint64_t id, store::MemberState state, bool self = false,
                         bool heard = true) {
  cluster::PeerStatus peer;
  peer.member.epoch = id;
  peer.member.facts.name = "n" + std::to_string(id);
  peer.member.facts.state = state;
  peer.self = self;
  peer.reachable = heard;
  peer.heard_ms_ago = 0;
  return peer;
}

std::vector<std::string> told(const Json& events) {
  std::vector<std::string> all;
  for (const Json& event : events) {
    all.push_back(event["name"].get<std::string>() + " " + event["event"].get<std::string>());
  }
  return all;
}

constexpr auto kJoining = store::MemberState::joining;
constexpr auto kUp = store::MemberState::up;
constexpr auto kDraining = store::MemberState::draining;

TEST(ClusterTimeline, Changes_AreEvents) {
  ClusterTimeline timeline;
  timeline.look(1, {.members = {peer(1, kUp), peer(2, kJoining, true)}});
  timeline.look(2, {.members = {peer(1, kUp), peer(2, kUp, true)}});
  timeline.look(3, {.members = {peer(1, kUp, false, false), peer(2, kUp, true), peer(3, kUp)}});
  timeline.look(4, {.members = {peer(2, kUp, true), peer(3, kDraining)}});
  timeline.look(5, {.members = {peer(2, kUp, true)}, .leases = {{"retention", 2, 7}}});
  EXPECT_THAT(told(timeline.events()),
              ElementsAre("n2 joined", "n2 up", "n1 unheard", "n3 joined", "n3 up", "n3 draining",
                          "n1 died", "n3 left", "n2 lease"));
}

TEST(ClusterTimeline, WhatSeveralSaw_IsToldOnce) {
  ClusterTimeline one;
  ClusterTimeline two;
  one.look(1, {.members = {peer(1, kUp, true), peer(2, kUp)}});
  two.look(1, {.members = {peer(1, kUp), peer(2, kUp, true)}});
  for (auto* timeline : {&one, &two}) {
    const bool is_one = timeline == &one;
    timeline->look(is_one ? 11 : 12,
                   {.members = {peer(1, kUp, is_one), peer(2, kUp, !is_one), peer(3, kUp)}});
  }
  const Json events = merge({one.events(), two.events(), Json("nonsense")});
  EXPECT_THAT(told(events),
              ElementsAre("n1 joined", "n1 up", "n2 joined", "n2 up", "n3 joined", "n3 up"));
  EXPECT_EQ(events[4]["time_us"], 11);
}

}  // namespace
}  // namespace starling::admin
