#include "core/utilisation.h"

#include <gtest/gtest.h>

namespace starling::core {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
const Capacity kTwoCores = capacity_of(2, 4 * kGiB);

TEST(Utilisation, OfNothing_IsNothing) {
  EXPECT_EQ(utilisation({}, kTwoCores).percent, 0U);
  EXPECT_EQ(utilisation({.sessions = 1, .memory = 1}, Capacity()).percent, 0U) << "unknown";
}

TEST(Utilisation, TheFullestCounts) {
  Usage usage{.cpu_percent = 60, .memory = 2 * kGiB};
  EXPECT_EQ(utilisation(usage, kTwoCores).percent, 50U);
  EXPECT_EQ(utilisation(usage, kTwoCores).of, "memory");
  usage.cpu_percent = 180;
  EXPECT_EQ(utilisation(usage, kTwoCores).percent, 90U);
  EXPECT_EQ(utilisation(usage, kTwoCores).of, "cpu");
  usage.loop_delay = 500ms;
  EXPECT_EQ(utilisation(usage, kTwoCores).percent, 200U);
  EXPECT_EQ(utilisation(usage, kTwoCores).of, "loop_delay");
}

TEST(Utilisation, StoreAndBus_AreMeasuredByHowLateTheyAre) {
  const Utilisation store = utilisation({.store_lag = 1'250ms, .bus_lag = 500ms}, kTwoCores);
  EXPECT_EQ(store.percent, 25U);
  EXPECT_EQ(store.of, "store");
  const Utilisation bus = utilisation({.store_lag = 900us, .bus_lag = 15s}, kTwoCores);
  EXPECT_EQ(bus.percent, 300U);
  EXPECT_EQ(bus.of, "bus");
}

TEST(Utilisation, StoreOrBusThatTakeNoMore_AreFullHoweverLate) {
  const Utilisation crowded = utilisation({.store_lag = 20ms, .store_crowded = true}, kTwoCores);
  EXPECT_EQ(crowded.percent, 100U);
  EXPECT_EQ(crowded.of, "store");
  EXPECT_EQ(utilisation({.bus_full = true}, kTwoCores).percent, 100U);
  EXPECT_EQ(utilisation({.bus_lag = 10s, .bus_full = true}, kTwoCores).percent, 200U);
}

TEST(Utilisation, CapacityGrowsWithTheMachine) {
  EXPECT_EQ(capacity_of(4, 4 * kGiB).stanzas_per_second, 2 * kTwoCores.stanzas_per_second);
  EXPECT_GT(capacity_of(2, 8 * kGiB).sessions, 2 * kTwoCores.sessions);
  EXPECT_EQ(capacity_of(1, 1024).sessions, 0U);
}

TEST(Utilisation, WhatIsConfigured_IsTheCapacity) {
  const Capacity one = capacity_of(2, 4 * kGiB, {.stanzas = 70});
  EXPECT_EQ(one.stanzas_per_second, 70U);
  EXPECT_EQ(one.sessions, kTwoCores.sessions);
  EXPECT_EQ(capacity_of(2, 4 * kGiB, {.sessions = 7}).sessions, 7U);
}

}  // namespace
}  // namespace starling::core
