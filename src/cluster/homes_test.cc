#include "cluster/homes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>

namespace starling::cluster {
namespace {

// Nodes whose changes are carried by hand.
class HomesTest : public testing::Test {
 protected:
  static constexpr NodeId kNodes = 3;

  HomesTest() {
    for (NodeId node = 1; node <= kNodes; ++node) {
      nodes_[node] = std::make_unique<Homes>();
      nodes_[node]->begin(node);
    }
  }
  Homes& node(NodeId id) { return *nodes_[id]; }

  // Carries a node's changes to all others, but for those that `lose` picks.
  void carry(
      NodeId from, const std::function<bool(NodeId to)>& lose = [](NodeId) { return false; }) {
    for (const auto& bytes : node(from).take_changes()) {
      for (NodeId to = 1; to <= kNodes; ++to) {
        if (to == from || lose(to)) continue;
        Decoder frame(bytes);
        ASSERT_TRUE(read_head(frame));
        sync(to, from, node(to).on_changes(from, frame));
      }
    }
  }
  void heartbeat(NodeId from) {
    for (NodeId to = 1; to <= kNodes; ++to) {
      if (to != from) sync(to, from, node(to).on_change_number(from, node(from).change_number()));
    }
  }
  // Asks for piece after piece; `between` runs before each.
  void sync(
      NodeId to, NodeId from, Homes::Ask cursor, const std::function<void()>& between = [] {}) {
    while (cursor) {
      between();
      const std::string piece = node(from).piece(*cursor);
      Decoder decoder(piece);
      cursor = node(to).on_piece(from, decoder);
    }
  }
  NodeId home(NodeId asked, std::string_view account) {
    const auto found = node(asked).find(account);
    return found ? found->node : 0;
  }

  std::map<NodeId, std::unique_ptr<Homes>> nodes_;
};

TEST_F(HomesTest, a_claim_is_known_everywhere_and_a_release_too) {
  node(1).claim("alice@x", 10);
  EXPECT_EQ(home(1, "alice@x"), 1);
  carry(1);
  EXPECT_EQ(home(2, "alice@x"), 1);
  node(1).release("alice@x");
  carry(1);
  EXPECT_EQ(home(1, "alice@x"), 0);
  EXPECT_EQ(home(2, "alice@x"), 0);
}

TEST_F(HomesTest, a_gap_is_filled_by_all_there_is) {
  node(1).claim("alice@x", 10);
  carry(1);
  node(1).claim("bob@x", 11);
  node(1).release("alice@x");
  carry(1, [](NodeId to) { return to == 2; });
  node(1).claim("carol@x", 12);
  carry(1);
  EXPECT_EQ(home(2, "alice@x"), 0);
  EXPECT_EQ(home(2, "bob@x"), 1);
  EXPECT_EQ(home(2, "carol@x"), 1);
}

TEST_F(HomesTest, a_heartbeat_shows_a_gap_while_nothing_happens) {
  node(1).claim("alice@x", 10);
  carry(1, [](NodeId) { return true; });
  EXPECT_EQ(home(2, "alice@x"), 0);
  EXPECT_FALSE(node(2).synced(1));
  heartbeat(1);
  EXPECT_TRUE(node(2).synced(1));
  EXPECT_EQ(home(2, "alice@x"), 1);
}

TEST_F(HomesTest, changes_during_a_sync_are_applied_over_it) {
  for (int i = 0; i < 20'000; ++i) node(1).claim("user" + std::to_string(i) + "@x", i);
  carry(1, [](NodeId to) { return to == 2; });
  int step = 0;
  int pieces = 0;
  sync(2, 1, node(2).on_change_number(1, node(1).change_number()), [&] {
    ++pieces;
    node(1).release("user" + std::to_string(step++) + "@x");
    node(1).claim("late" + std::to_string(step) + "@x", 99);
    carry(1);
  });
  EXPECT_GT(pieces, 3);
  EXPECT_EQ(node(2).size(), node(1).size());
  EXPECT_EQ(home(2, "user0@x"), 0);
  EXPECT_EQ(home(2, "late1@x"), 1);
}

TEST_F(HomesTest, the_entries_of_a_dead_node_go_and_no_others) {
  node(1).claim("alice@x", 10);
  node(2).claim("bob@x", 10);
  carry(1);
  carry(2);
  node(3).drop(1);
  EXPECT_EQ(home(3, "alice@x"), 0);
  EXPECT_EQ(home(3, "bob@x"), 2);
}

TEST_F(HomesTest, of_two_homes_the_later_counts_everywhere) {
  std::vector<NodeId> told;
  node(1).on_conflict([&](const std::string&, Home mine, Home other) {
    EXPECT_LT(mine, other);
    told.push_back(1);
  });
  node(2).on_conflict([&](const std::string&, Home mine, Home other) {
    EXPECT_LT(other, mine);
    told.push_back(2);
  });
  node(1).claim("alice@x", 10);
  node(2).claim("alice@x", 11);
  carry(1);
  carry(2);
  EXPECT_THAT(told, testing::UnorderedElementsAre(1, 2));
  for (NodeId id = 1; id <= kNodes; ++id) EXPECT_EQ(home(id, "alice@x"), 2);
  node(1).release("alice@x");
  carry(1);
  for (NodeId id = 1; id <= kNodes; ++id) EXPECT_EQ(home(id, "alice@x"), 2);
}

TEST_F(HomesTest, the_one_that_did_not_count_does_when_the_other_goes) {
  node(1).claim("alice@x", 10);
  node(2).claim("alice@x", 11);
  carry(1);
  carry(2);
  node(2).release("alice@x");
  carry(2);
  for (NodeId id = 1; id <= kNodes; ++id) EXPECT_EQ(home(id, "alice@x"), 1);
}

TEST_F(HomesTest, what_is_expected_gives_way_to_what_is) {
  int surprises = 0;
  node(3).on_other_home([&](const std::string&, Home) { ++surprises; });
  node(3).expect("alice@x", {2, 50});
  EXPECT_EQ(home(3, "alice@x"), 2);
  node(2).claim("alice@x", 51);
  carry(2);
  EXPECT_EQ(surprises, 0);
  node(3).expect("bob@x", {2, 50});
  node(1).claim("bob@x", 40);
  carry(1);
  EXPECT_EQ(home(3, "bob@x"), 1);
  EXPECT_EQ(surprises, 1);
}

// Whatever gets lost: when heartbeats come through, all know the same.
TEST_F(HomesTest, what_is_expected_and_does_not_come_is_forgotten) {
  node(3).expect("alice@x", {2, 50});
  node(3).expect("bob@x", {2, 50});
  node(3).forget_unmade();
  EXPECT_EQ(home(3, "alice@x"), 2);
  node(2).claim("bob@x", 60);
  carry(2);
  node(3).forget_unmade();
  EXPECT_EQ(home(3, "alice@x"), 0);
  EXPECT_EQ(home(3, "bob@x"), 2);
  EXPECT_EQ(node(3).size(), 1);
}

TEST_F(HomesTest, all_agree_in_the_end) {
  for (unsigned seed = 0; seed < 100; ++seed) {
    std::mt19937 random(seed);
    for (NodeId id = 1; id <= kNodes; ++id) {
      nodes_[id] = std::make_unique<Homes>();
      nodes_[id]->begin(id);
    }
    for (int i = 0; i < 300; ++i) {
      const NodeId id = random() % kNodes + 1;
      const std::string account = "user" + std::to_string(random() % 20) + "@x";
      if (random() % 3 == 0) {
        node(id).release(account);
      } else {
        node(id).claim(account, i);
      }
      if (random() % 2 == 0) carry(id, [&](NodeId) { return random() % 4 == 0; });
      if (random() % 10 == 0) heartbeat(id);
    }
    for (NodeId id = 1; id <= kNodes; ++id) {
      carry(id);
      heartbeat(id);
    }
    for (int i = 0; i < 20; ++i) {
      const std::string account = "user" + std::to_string(i) + "@x";
      for (NodeId id = 2; id <= kNodes; ++id) {
        ASSERT_EQ(home(1, account), home(id, account)) << "seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace starling::cluster
