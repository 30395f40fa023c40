#include "core/advice.h"

#include <gtest/gtest.h>

#include "core/memory_budget.h"

namespace starling::core {
namespace {

TEST(AdviceTest, SoManyThatNoneIsAboveTheTarget) {
  const Capacity one = capacity_of(2, MemoryBudget::share_of(std::uint64_t{4} << 30U));
  const ClusterLoad peak{.sessions = one.sessions * 6};
  const SizedGroup group = advise({2, 4}, peak, {});
  EXPECT_EQ(group.nodes, 10);
  EXPECT_EQ(group.limit, "sessions");
  EXPECT_GT(group.maximum, group.nodes);
}

TEST(AdviceTest, AFewBearItWhenOneOfThemDies) {
  const Capacity one = capacity_of(2, MemoryBudget::share_of(std::uint64_t{4} << 30U));
  // Two would be 60 % utilised; but one alone could not bear it.
  const ClusterLoad peak{.sessions = one.sessions * 12 / 10};
  EXPECT_EQ(advise({2, 4}, peak, {}).nodes, 3);
}

TEST(AdviceTest, NobodyThere_TwoNodes) {
  const SizedGroup group = advise({1, 2}, {}, {});
  EXPECT_EQ(group.nodes, 2);
  EXPECT_EQ(group.minimum, 2);
}

TEST(AdviceTest, TheFullestCounts) {
  const ClusterLoad busy{.sessions = 10, .stanzas_per_second = 10, .cpu_percent = 1'200};
  const SizedGroup group = advise({4, 16}, busy, {});
  EXPECT_EQ(group.limit, "cpu");
  EXPECT_EQ(group.nodes, 5);
}

TEST(AdviceTest, WhatIsConfiguredCountsForEachSize) {
  const ClusterLoad peak{.sessions = 6'000, .stanzas_per_second = 1'200};
  for (const NodeSize size : usual_sizes()) {
    EXPECT_EQ(advise(size, peak, {}, {.sessions = 1'000}).nodes, 10);
    EXPECT_EQ(advise(size, peak, {}, {.sessions = 1'000}).limit, "sessions");
    EXPECT_EQ(advise(size, peak, {}, {.sessions = 1'000, .stanzas = 100}).nodes, 20);
    EXPECT_EQ(advise(size, peak, {}, {.sessions = 1'000, .stanzas = 100}).limit, "stanzas");
    EXPECT_EQ(advise(size, peak, {}, {}).nodes, 2);
  }
}

TEST(AdviceTest, TheMinimumIsForTheQuietestHour) {
  const ClusterLoad busy{.cpu_percent = 12'000};
  const ClusterLoad quiet{.cpu_percent = 1'200};
  const SizedGroup group = advise({4, 16}, busy, quiet);
  EXPECT_EQ(group.nodes, 50);
  EXPECT_EQ(group.minimum, 5);
}

TEST(AdviceTest, AMillionUsers) {
  const ClusterLoad load = planned_load(1'000'000, {});
  EXPECT_EQ(load.sessions, 325'000);
  EXPECT_EQ(load.stanzas_per_second, 16'250);
}

TEST(AdviceTest, TheQuietHourIsOfTheLastWeek) {
  const std::vector<HourOfLoad> hours{{.hour = 100, .most = {.sessions = 1}},
                                      {.hour = 300, .most = {.sessions = 50, .cpu_percent = 7}},
                                      {.hour = 301, .most = {.sessions = 20, .cpu_percent = 9}}};
  const auto [peak, quiet, peak_hour] = peak_and_quiet(hours);
  EXPECT_EQ(peak.sessions, 50);
  EXPECT_EQ(peak.cpu_percent, 9);
  EXPECT_EQ(peak_hour, 300);
  EXPECT_EQ(quiet.sessions, 20);
}

}  // namespace
}  // namespace starling::core
