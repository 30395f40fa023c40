#include "cluster/cluster_clock.h"

#include <gtest/gtest.h>

namespace starling::cluster {

namespace {
constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kThen = 1'700'000'000 * kSecond;  // when the machine's clock was 0
}  // namespace

TEST(ClusterClockTest, OfAllAnswersTheOneWithTheShortestWayCounts) {
  ClusterClock clock;
  clock.read(kThen + kSecond - 300'000, kSecond);  // on its way for 0.3 s
  EXPECT_EQ(clock.us(kSecond), kThen + kSecond - 300'000);
  clock.read(kThen + 2 * kSecond, 2 * kSecond);
  EXPECT_EQ(clock.us(2 * kSecond), kThen + 2 * kSecond);
  clock.read(kThen + 3 * kSecond - 500'000, 3 * kSecond);
  EXPECT_EQ(clock.us(4 * kSecond), kThen + 4 * kSecond - ClusterClock::kDriftUs);
}

TEST(ClusterClockTest, DoesNotGoBackWhenItGivesWay) {
  ClusterClock clock;
  clock.read(kThen + kSecond, kSecond);
  const std::int64_t before = clock.us(2 * kSecond);
  clock.read(kThen + kSecond, 2 * kSecond);
  EXPECT_EQ(clock.us(2 * kSecond), before);
  EXPECT_GT(clock.us(2 * kSecond + ClusterClock::kDriftUs + 1), before);
}

TEST(ClusterClockTest, IsNotBehindWhatItWasTold) {
  ClusterClock clock;
  clock.read(kThen - 200'000, 0);
  clock.told(kThen, 0);
  EXPECT_EQ(clock.us(0), kThen);
  clock.told(kThen - 100'000, 0);
  EXPECT_EQ(clock.us(0), kThen);
}

TEST(ClusterClockTest, FollowsTheDatabaseBackAndNobodyWhoHasNotHeardOfThat) {
  ClusterClock clock;
  clock.read(kThen + 3'600 * kSecond, 0);
  clock.read(kThen + kSecond, kSecond);
  EXPECT_EQ(clock.us(kSecond), kThen + kSecond);
  clock.told(kThen + 3'601 * kSecond, kSecond);
  EXPECT_EQ(clock.us(kSecond), kThen + kSecond);
}

TEST(ClusterClockTest, NoTimeThatMakesNoSenseIsFollowed) {
  ClusterClock clock;
  clock.read(kThen, 0);
  clock.told(-1, 0);
  clock.told(std::int64_t{1} << 62U, 0);
  EXPECT_EQ(clock.us(0), kThen);
}

}  // namespace starling::cluster
