#include "base/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace starling::metrics {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Metrics, Counter_IsTheSameForTheSameNameAndLabels) {
  Counter& tea = counter("starling_test_cups_total", "Cups", {{"of", "tea"}});
  Counter& coffee = counter("starling_test_cups_total", "Cups", {{"of", "coffee"}});
  tea.add();
  counter("starling_test_cups_total", "", {{"of", "tea"}}).add(2);
  EXPECT_EQ(tea.value(), 3U);
  EXPECT_EQ(coffee.value(), 0U);
  const std::string all = text();
  EXPECT_THAT(all, HasSubstr("# HELP starling_test_cups_total Cups\n"
                             "# TYPE starling_test_cups_total counter\n"
                             "starling_test_cups_total{of=\"coffee\"} 0\n"
                             "starling_test_cups_total{of=\"tea\"} 3\n"));
}

TEST(Metrics, Counter_LosesNothingBetweenThreads) {
  Counter& counted = counter("starling_test_threads_total", "Threads");
  std::vector<std::thread> threads;
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 1'000; ++n) counted.add();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(counted.value(), 20'000U);
}

TEST(Metrics, Labels_AreBounded) {
  for (int i = 0; i < 1'000; ++i) {
    counter("starling_test_many_total", "Many", {{"i", std::to_string(i)}}).add();
  }
  const std::string all = text();
  EXPECT_THAT(all, HasSubstr("starling_test_many_total{i=\"99\"} 1\n"));
  EXPECT_THAT(all, Not(HasSubstr("starling_test_many_total{i=\"100\"}")));
  EXPECT_THAT(all, HasSubstr("starling_test_many_total{i=\"other\"} 900\n"));
}

TEST(Metrics, Gauge_SaysItsValue) {
  Gauge& level = gauge("starling_test_level", "Level");
  level.set(7);
  level.add(-9);
  EXPECT_THAT(text(), HasSubstr("# TYPE starling_test_level gauge\nstarling_test_level -2\n"));
}

TEST(Metrics, Observed_IsAddedUpAndLeavesWithItsOwner) {
  const Observed one("starling_test_depth", "Depth", {}, [] { return 1.5; });
  {
    const Observed two("starling_test_depth", "Depth", {}, [] { return 2.0; });
    EXPECT_THAT(text(), HasSubstr("\nstarling_test_depth 3.5\n"));
  }
  EXPECT_THAT(text(), HasSubstr("\nstarling_test_depth 1.5\n"));
}

TEST(Metrics, Observed_LeavesNothingBehind) {
  const auto level = [] { return 1.0; };
  {
    const Observed gone("starling_test_water", "Water", {{"of", "the lake"}}, level);
    const Observed one("starling_test_water", "Water", {{"of", "the sea"}}, level);
    EXPECT_THAT(text(), HasSubstr("\nstarling_test_water{of=\"the lake\"} 1\n"));
  }
  EXPECT_THAT(text(), Not(HasSubstr("starling_test_water")));
}

}  // namespace
}  // namespace starling::metrics
