#include "cluster/leases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/manual_loop.h"
#include "base/metrics.h"
#include "store/memory.h"

namespace starling::cluster {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> numbered(int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back("room-" + std::to_string(i));
  return names;
}

std::map<NodeId, int> loads(const std::map<std::string, NodeId, std::less<>>& placed) {
  std::map<NodeId, int> all;
  for (const auto& [name, node] : placed) ++all[node];
  return all;
}

TEST(Place, NoNodes_Nowhere) {
  EXPECT_THAT(place(numbered(3), {}), IsEmpty());
}

TEST(Place, NobodyGetsMoreThanAQuarterAboveHisShare) {
  for (const int nodes : {1, 2, 3, 5, 10}) {
    std::vector<NodeId> all;
    for (int i = 1; i <= nodes; ++i) all.push_back(static_cast<NodeId>(100 + i));
    for (const int names : {1, 7, 1'000}) {
      for (const auto& [node, count] : loads(place(numbered(names), all))) {
        EXPECT_LE(count, (names * 5 + nodes * 4 - 1) / (nodes * 4)) << names << " on " << nodes;
      }
    }
  }
}

TEST(Place, TheOrderOfNamesAndNodesIsNothing) {
  auto names = numbered(50);
  const auto placed = place(names, {1, 2, 3});
  std::ranges::reverse(names);
  EXPECT_EQ(place(names, {3, 1, 2}), placed);
}

// A share of one is a tenth here; the bound may move some more.
TEST(Place, OneNodeMoreOrLess_MovesAboutItsShare) {
  std::vector<NodeId> ten;
  for (NodeId node = 1; node <= 10; ++node) ten.push_back(node);
  std::vector<NodeId> nine(ten.begin(), ten.end() - 1);
  const auto with = place(numbered(2'000), ten);
  const auto without = place(numbered(2'000), nine);
  const auto moved = std::ranges::count_if(
      with, [&](const auto& one) { return without.at(one.first) != one.second; });
  EXPECT_GE(moved, 100);
  EXPECT_LE(moved, 300);
}

class LeasesTest : public testing::Test {
 protected:
  class Holder final : public LeaseHolder {
   public:
    void lease_held(const store::Lease& lease) override {
      EXPECT_EQ(term, 0U);
      term = lease.term;
    }
    void lease_ends(std::move_only_function<void()> done) override {
      EXPECT_NE(term, 0U);
      ending = std::move(done);
      if (!slow) end();
    }
    void end() {
      term = 0;
      std::exchange(ending, nullptr)();
    }
    std::uint64_t term = 0;
    bool slow = false;
    std::move_only_function<void()> ending;
  };
  struct Node {
    std::unique_ptr<store::Store> store;
    std::unique_ptr<Leases> leases;
    std::map<std::string, Holder> holders;
    std::uint64_t epoch = 0;
  };

  ~LeasesTest() override {
    for (auto& node : nodes_) {
      for (auto& [name, holder] : node->holders) {
        holder.slow = false;
        if (holder.ending) holder.end();
      }
      wait(node->leases->end_all());
    }
  }
  // One that is a member.
  Node& add(const std::vector<std::string>& names) {
    Node& node = *nodes_.emplace_back(std::make_unique<Node>());
    node.store = database_.open();
    node.leases = std::make_unique<Leases>(loop_, *node.store->members());
    for (const std::string& name : names) node.leases->add(name, node.holders[name]);
    join(node);
    return node;
  }
  void join(Node& node) {
    loop_.inside([&] { gate_.spawn(join_now(node)); });
    loop_.run();
    node.leases->joined(node.epoch);
  }
  static Task<void> join_now(Node& node) {
    store::MemberFacts facts;
    const auto joined = co_await node.store->members()->join(std::move(facts));
    node.epoch = joined->epoch;
  }
  void remove(const Node& node) { wait(remove_now(node)); }
  static Task<void> remove_now(const Node& node) {
    static_cast<void>(co_await node.store->members()->leave(node.epoch));
  }
  // Everybody sees these.
  void look(const std::vector<const Node*>& able) {
    std::vector<NodeId> epochs;
    for (const Node* node : able) epochs.push_back(node->epoch);
    // What one of them has done the others see the next time.
    for (int round = 0; round < 3; ++round) {
      loop_.inside([&] {
        for (auto& node : nodes_) node->leases->look(epochs);
      });
      loop_.run();
    }
  }
  void wait(Task<void> task) {
    loop_.inside([&] { gate_.spawn(std::move(task)); });
    while (gate_.count() > 0) loop_.run();
  }
  static int held(const Node& node) {
    return static_cast<int>(
        std::ranges::count_if(node.holders, [](const auto& h) { return h.second.term != 0; }));
  }

  ManualLoop loop_;
  store::MemoryDatabase database_;
  Gate gate_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

TEST_F(LeasesTest, OneHolds) {
  Node& one = add({"a"});
  Node& other = add({"a"});
  look({&one, &other});
  EXPECT_EQ(held(one) + held(other), 1);
  EXPECT_EQ(one.leases->known().size(), 1U);
  const auto before = one.leases->known();
  look({&one, &other});
  EXPECT_EQ(one.leases->known(), before) << "and it stays where it is";
}

TEST_F(LeasesTest, WhatIsHeld_IsTold) {
  const metrics::Gauge& told = metrics::gauge("starling_lease_held", "", {{"lease", "told"}});
  Node& one = add({"told"});
  look({&one});
  EXPECT_EQ(told.value(), 1);
  one.leases->fenced();
  loop_.run();
  EXPECT_EQ(told.value(), 0);
}

TEST_F(LeasesTest, NobodyIsAble_NobodyHolds) {
  Node& one = add({"a"});
  look({});
  EXPECT_EQ(held(one), 0);
}

TEST_F(LeasesTest, WhoDrains_HandsAllOver) {
  const auto names = numbered(12);
  Node& one = add(names);
  Node& other = add(names);
  Node& third = add(names);
  look({&one, &other, &third});
  ASSERT_EQ(held(one) + held(other) + held(third), 12);
  ASSERT_GT(held(one), 0);
  look({&other, &third});
  EXPECT_EQ(held(one), 0);
  EXPECT_EQ(held(other) + held(third), 12);
}

TEST_F(LeasesTest, TheLastOneThatDrains_KeepsThem) {
  Node& one = add({"a"});
  look({&one});
  look({});
  EXPECT_EQ(held(one), 1);
}

TEST_F(LeasesTest, NewNode_GetsItsShare) {
  const auto names = numbered(12);
  Node& one = add(names);
  Node& other = add(names);
  look({&one, &other});
  Node& third = add(names);
  look({&one, &other, &third});
  EXPECT_GT(held(third), 0);
  EXPECT_LE(held(third), 5);
  EXPECT_EQ(held(one) + held(other) + held(third), 12);
}

TEST_F(LeasesTest, HandedOver_OnlyWhenTheHolderHasEnded) {
  Node& one = add({"a"});
  Node& other = add({"a"});
  look({&one});
  ASSERT_EQ(held(one), 1);
  const std::uint64_t term = one.holders["a"].term;
  one.holders["a"].slow = true;
  look({&other});
  EXPECT_EQ(held(other), 0);
  loop_.inside([&] { one.holders["a"].end(); });
  look({&other});
  EXPECT_EQ(held(other), 1);
  EXPECT_GT(other.holders["a"].term, term);
}

TEST_F(LeasesTest, Fenced_EndsAtOnceAndOthersTakeItWhenTheRowIsGone) {
  Node& one = add({"a"});
  Node& other = add({"a"});
  look({&one});
  loop_.inside([&] { one.leases->fenced(); });
  EXPECT_EQ(held(one), 0);
  look({&other});
  EXPECT_EQ(held(other), 0) << "its row is there";
  remove(one);
  look({&other});
  EXPECT_EQ(held(other), 1);
  join(one);
  look({&one, &other});
  EXPECT_EQ(held(one) + held(other), 1);
}

TEST_F(LeasesTest, FencedInTheMiddleOfEnding_BeginsOnlyAfterwards) {
  Node& one = add({"a"});
  look({&one});
  one.holders["a"].slow = true;
  loop_.inside([&] { one.leases->fenced(); });
  remove(one);
  join(one);
  look({&one});
  ASSERT_TRUE(one.holders["a"].ending) << "still under the old term";
  loop_.inside([&] { one.holders["a"].end(); });
  look({&one});
  EXPECT_EQ(held(one), 1);
}

TEST_F(LeasesTest, SomebodyTookItAway_TheHolderEnds) {
  Node& one = add({"a"});
  look({&one});
  remove(one);  // its row by hand, for instance
  look({});
  EXPECT_EQ(held(one), 0);
}

}  // namespace
}  // namespace starling::cluster
