#include "base/histogram.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

namespace starling::metrics {
namespace {

using namespace std::chrono_literals;

TEST(Histogram, CountsUpToAndWithABound) {
  Histogram& took = histogram("starling_test_bounds_seconds", "Bounds");
  took.observe(50us);
  took.observe(50us + 1ns);
  took.observe(10s);
  took.observe(10s + 1ns);
  const Histogram::Value value = took.value();
  EXPECT_EQ(value.buckets.front(), 1U);
  EXPECT_EQ(value.buckets[1], 1U);
  EXPECT_EQ(value.buckets[Histogram::kBounds.size() - 1], 1U);
  EXPECT_EQ(value.buckets.back(), 1U);
  EXPECT_EQ(value.count, 4U);
  EXPECT_EQ(value.sum, 20s + 100us + 2ns);
}

TEST(Histogram, LessThanNothingIsNothing) {
  Histogram& took = histogram("starling_test_backwards_seconds", "Backwards");
  took.observe(-1s);
  EXPECT_EQ(took.value().buckets.front(), 1U);
  EXPECT_EQ(took.value().sum, 0s);
}

TEST(Histogram, IsTheSameForTheSameNameAndLabels) {
  Histogram& tea = histogram("starling_test_brewing_seconds", "Brewing", {{"of", "tea"}});
  histogram("starling_test_brewing_seconds", "", {{"of", "coffee"}}).observe(1s);
  tea.observe(1s);
  EXPECT_EQ(&histogram("starling_test_brewing_seconds", "", {{"of", "tea"}}), &tea);
  EXPECT_EQ(tea.value().count, 1U);
}

TEST(Histogram, LosesNothingBetweenThreads) {
  Histogram& took = histogram("starling_test_threads_seconds", "Threads");
  std::vector<std::thread> threads;
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 1'000; ++n) took.observe(1ms);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(took.value().count, 20'000U);
  EXPECT_EQ(took.value().sum, 20s);
}

}  // namespace
}  // namespace starling::metrics
