#include "stream/shaper.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>

namespace starling::stream {
namespace {

using namespace std::chrono_literals;

Shaper shaper(config::Shaper limits) {
  return Shaper(std::make_shared<const config::Shaper>(limits));
}
constexpr TimePoint kStart{1'000s};
// To the millisecond.
auto wait(const Shaper& of, TimePoint now) {
  return std::chrono::round<std::chrono::milliseconds>(of.wait(now));
}

TEST(Shaper, WithoutRates_NeverWaits) {
  auto free = shaper({});
  for (int i = 0; i < 1'000; ++i) {
    free.took_bytes(1'000'000, kStart);
    free.took_stanza(kStart);
  }
  EXPECT_EQ(wait(free, kStart), 0ms);
}

TEST(Shaper, Burst_PassesAtOnce) {
  auto bytes = shaper({.rate = 1'000, .burst_size = 5'000});
  bytes.took_bytes(5'000, kStart);
  EXPECT_EQ(wait(bytes, kStart), 0ms);
  bytes.took_bytes(500, kStart);
  EXPECT_EQ(wait(bytes, kStart), 500ms);
}

TEST(Shaper, WithoutABurst_OneSecondsWorthPasses) {
  auto bytes = shaper({.rate = 1'000});
  bytes.took_bytes(1'000, kStart);
  EXPECT_EQ(wait(bytes, kStart), 0ms);
  bytes.took_bytes(1, kStart);
  EXPECT_EQ(wait(bytes, kStart), 1ms);
}

TEST(Shaper, MoreThanTheBurst_IsPaidBack) {
  auto bytes = shaper({.rate = 1'000, .burst_size = 1'000});
  bytes.took_bytes(65'536, kStart);
  EXPECT_EQ(wait(bytes, kStart), 64'536ms);
  EXPECT_EQ(wait(bytes, kStart + 60s), 4'536ms);
  EXPECT_LE(wait(bytes, kStart + 65s), 0ms);
}

TEST(Shaper, Silence_FillsTheBucketAndNoMore) {
  auto bytes = shaper({.rate = 1'000, .burst_size = 2'000});
  bytes.took_bytes(2'000, kStart);
  bytes.took_bytes(2'000, kStart + 3'600s);
  EXPECT_EQ(wait(bytes, kStart + 3'600s), 0ms);
  bytes.took_bytes(1'000, kStart + 3'600s);
  EXPECT_EQ(wait(bytes, kStart + 3'600s), 1'000ms);
}

TEST(Shaper, Stanzas_HaveABucketOfTheirOwn) {
  auto both = shaper({.rate = 1'000'000, .stanza_rate = 10, .stanza_burst = 20});
  both.took_bytes(100, kStart);
  for (int i = 0; i < 20; ++i) both.took_stanza(kStart);
  EXPECT_LE(wait(both, kStart), 0ms);
  both.took_stanza(kStart);
  EXPECT_EQ(wait(both, kStart), 100ms);
  EXPECT_LE(wait(both, kStart + 100ms), 0ms);
}

TEST(Shaper, Rate_HoldsInTheLongRun) {
  auto bytes = shaper({.rate = 10'000, .burst_size = 20'000});
  TimePoint now = kStart;
  std::uint64_t sent = 0;
  while (now < kStart + 100s) {
    bytes.took_bytes(3'000, now);
    sent += 3'000;
    now += std::max<Duration>(bytes.wait(now), 1ms);
  }
  EXPECT_NEAR(static_cast<double>(sent), 1'020'000.0, 6'000.0);
}

}  // namespace
}  // namespace starling::stream
