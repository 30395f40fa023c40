#include "core/load_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/test_server.h"

namespace starling::core {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
using std::chrono_literals::operator""h;
using std::chrono_literals::operator""min;

class LoadHistoryTest : public testing::Test {
 protected:
  LoadHistoryTest() { begin(); }
  // As a node does that takes it over.
  void begin() {
    history_.emplace(
        server_.server().worker(0), [this] { return load_; },
        [this] {
          return std::chrono::microseconds(1h * 500'000).count() +
                 std::chrono::duration_cast<std::chrono::microseconds>(
                     server_.loop(0).now().time_since_epoch())
                     .count();
        });
    server_.loop(0).inside([this] { history_->start(); });
  }
  // In small steps: what is due happens at its time.
  void pass(Duration time) {
    for (Duration left = time; left > Duration(0); left -= LoadHistory::kLookEvery) {
      server_.loop(0).advance(LoadHistory::kLookEvery);
      server_.settle();
    }
  }
  void set(std::uint64_t sessions, std::uint64_t stanzas) {
    load_ = {.sessions = sessions, .effort = cluster::Effort{.stanzas_per_second = stanzas}};
  }
  std::vector<HourOfLoad> read() { return *server_.wait(LoadHistory::read(server_.store())); }

  TestServer server_;
  cluster::Load load_;
  std::optional<LoadHistory> history_;
};

TEST_F(LoadHistoryTest, TheMostOfEachFigureInAnHour) {
  EXPECT_THAT(read(), IsEmpty());
  set(100, 5);
  pass(1min);
  set(10, 50);
  pass(2min);
  const auto hours = read();
  ASSERT_FALSE(hours.empty());
  EXPECT_EQ(hours.back().most,
            (ClusterLoad{.nodes = 1, .sessions = 100, .stanzas_per_second = 50}));
}

TEST_F(LoadHistoryTest, EachHourForItself) {
  set(100, 5);
  pass(1h);
  set(10, 5);
  pass(2h);
  const auto hours = read();
  ASSERT_THAT(hours, SizeIs(4));  // it began within one
  EXPECT_EQ(hours.front().most.sessions, 100);
  EXPECT_EQ(hours.back().most.sessions, 10);
  EXPECT_EQ(hours.back().hour - hours.front().hour, 3);
}

TEST_F(LoadHistoryTest, TakenOver_WhatWasNotedOfThisHourStays) {
  set(100, 5);
  pass(2min);
  const auto before = read();
  set(10, 5);
  begin();
  pass(2min);
  const auto after = read();
  ASSERT_GE(after.size(), before.size());
  EXPECT_EQ(after[before.size() - 1].most.sessions, 100);
}

TEST_F(LoadHistoryTest, TooOld_Goes) {
  set(100, 5);
  pass(1min);
  const std::int64_t first = read().front().hour;
  server_.loop(0).advance(LoadHistory::kKept + 2h);
  server_.settle();
  EXPECT_GT(read().front().hour, first);
  EXPECT_THAT(read(), SizeIs(LoadHistory::kKept.count() + 1));
}

}  // namespace
}  // namespace starling::core
