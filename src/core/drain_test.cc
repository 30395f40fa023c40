#include "core/drain.h"

#include <gtest/gtest.h>

#include <chrono>

#include "core/test_cluster.h"

namespace starling::core {

namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

class DrainTest : public ::testing::Test {
 protected:
  Server& server() { return cluster_.node(1).server(); }

  // At the second node, which nobody is connected to.
  void drain(const config::DrainOptions& options = {}) {
    server().drain().begin(options);
    for (std::size_t i = 0; i < server().worker_count(); ++i) {
      Worker& worker = server().worker(i);
      worker.loop().post([this, &worker] { worker.gate().spawn(run(worker)); });
    }
  }
  Task<void> run(Worker& worker) {
    co_await server().drain().run(worker);
    ++drained_;
  }
  [[nodiscard]] bool drained() { return drained_ == server().worker_count(); }

  TestCluster cluster_{2};
  std::size_t drained_ = 0;
};

}  // namespace

TEST(DrainOptionsTest, Unhurried_HasTimeForAllBeforeTheDeadlineCounts) {
  const config::DrainOptions configured{.rate = 500, .linger = 120s, .deadline = 30s};
  const auto options = unhurried(configured, 100'000);
  EXPECT_EQ(options.rate, 500);
  EXPECT_EQ(options.linger, 120s);
  EXPECT_EQ(options.deadline, 231s);
}

TEST(DrainOptionsTest, Hurried_IsThroughInHalfOfTheTimeAndWaitsForNoNewcomerBeyondIt) {
  const config::DrainOptions configured{.rate = 500, .linger = 120s, .deadline = 30s};
  const auto options = hurried(configured, 90'000, 90s);
  EXPECT_EQ(options.rate, 2'001);
  EXPECT_EQ(options.linger + options.deadline, 90s);
  EXPECT_EQ(hurried(configured, 10, 90s).rate, 500);
  EXPECT_EQ(hurried(configured, 10, -5s).deadline, 1s) << "too late already";
}

TEST_F(DrainTest, Pressed_WaitsForNewcomersNoLonger) {
  drain({.linger = 600s});
  cluster_.pass(60s);
  EXPECT_FALSE(drained());
  server().worker(0).loop().post([this] { server().drain().press(30s); });
  EXPECT_TRUE(cluster_.wait_for([&] { return drained(); }, 5s));
}

TEST_F(DrainTest, StanzaOfAnotherNode_IsDealtWithFirst) {
  xmpp::ReceiptPtr in_hand =
      server().worker(0).remote().receipt(cluster_.node(0).cluster->self(), 1);
  drain();
  cluster_.pass(2s);
  EXPECT_FALSE(drained());
  in_hand.reset();
  EXPECT_TRUE(cluster_.wait_for([&] { return drained(); }, 1s));
}

TEST_F(DrainTest, WhatComesWhenAllHaveLeft_IsLeftToItsSender) {
  TestClient& alice = cluster_.online(0, "alice@example.org/phone");
  TestClient& bob = cluster_.online(1, "bob@example.org/pc");
  const xmpp::ReceiptPtr in_hand =
      server().worker(0).remote().receipt(cluster_.node(0).cluster->self(), 1);
  cluster_.network.cut = [](int from, int to) { return from == 1 && to == 0; };  // nobody hears
  bob.disconnect();
  drain();
  cluster_.pass(100ms);
  alice.send("<message to='bob@example.org' type='chat'><body>late</body></message>");
  cluster_.pass(1s);
  cluster_.network.cut = [](int, int) { return false; };
  EXPECT_THAT(cluster_.archive_of("bob@example.org"), testing::IsEmpty());
  EXPECT_TRUE(cluster_.wait_for([&] { return drained(); }, 10s));
  EXPECT_THAT(cluster_.archive_of("bob@example.org"), testing::IsEmpty());
}

TEST_F(DrainTest, WhoComesBehindTheLastBatch_IsTurnedAway) {
  const xmpp::ReceiptPtr in_hand =
      server().worker(0).remote().receipt(cluster_.node(0).cluster->self(), 1);
  drain({.linger = 10s});
  cluster_.pass(1s);
  TestClient& early = cluster_.connect(1, "bob@example.org/early");
  EXPECT_TRUE(early.connected());
  early.disconnect();
  cluster_.pass(10s);
  EXPECT_FALSE(cluster_.connect(1, "bob@example.org/late").connected());
  EXPECT_TRUE(cluster_.wait_for([&] { return drained(); }, 10s));
}

TEST_F(DrainTest, StanzaThatIsNeverDealtWith_IsNotWaitedForUntilTheDeadline) {
  const xmpp::ReceiptPtr in_hand =
      server().worker(0).remote().receipt(cluster_.node(0).cluster->self(), 1);
  drain();
  EXPECT_TRUE(cluster_.wait_for([&] { return drained(); }, 10s));
}

}  // namespace starling::core
