#include "cloud/chore.h"

#include <gtest/gtest.h>

#include "base/manual_loop.h"

namespace starling::cloud {
namespace {

using std::chrono_literals::operator""s;

class ChoreTest : public ::testing::Test {
 protected:
  ManualLoop loop;
  Result<Chore::Next> result = Chore::Next(10s);
  int done = 0;
  Chore chore{loop, "test", [this] {
                ++done;
                return result;
              }};
};

TEST_F(ChoreTest, Work_IsDoneAgainWhenItSays) {
  chore.soon();
  loop.advance(0s);
  EXPECT_EQ(done, 1);
  loop.advance(9s);
  EXPECT_EQ(done, 1);
  loop.advance(1s);
  EXPECT_EQ(done, 2);
}

TEST_F(ChoreTest, WorkThatSaysNothing_WaitsToBeAsked) {
  result = Chore::Next();
  chore.soon();
  loop.advance(1'000s);
  EXPECT_EQ(done, 1);
  EXPECT_FALSE(chore.planned());
  chore.soon();
  loop.advance(0s);
  EXPECT_EQ(done, 2);
}

TEST_F(ChoreTest, Failure_IsTriedAgainMoreAndMoreSeldom_AndNeverGivenUp) {
  result = fail(Errc::unavailable, "away");
  chore.soon();
  loop.advance(2s);
  EXPECT_GE(done, 3) << "soon at first";
  loop.advance(600s);
  const int before = done;
  loop.advance(Chore::kLastRetry);
  EXPECT_GE(done, before + 1);
  loop.advance(100 * Chore::kLastRetry);
  EXPECT_LT(done, before + 400) << "200 are to be expected";
  result = Chore::Next(10s);
  loop.advance(Chore::kLastRetry);
  const int after = done;
  loop.advance(100s);
  EXPECT_EQ(done, after + 10);
}

TEST_F(ChoreTest, Soon_BringsItForwardAndNeverPutsItOff) {
  chore.soon();
  loop.advance(0s);
  chore.soon(60s);
  loop.advance(10s);
  EXPECT_EQ(done, 2);
  chore.soon(1s);
  loop.advance(1s);
  EXPECT_EQ(done, 3);
}

TEST_F(ChoreTest, StoppedWork_IsNotDone) {
  chore.soon();
  chore.stop();
  loop.advance(100s);
  EXPECT_EQ(done, 0);
}

TEST(AboutTest, Time_VariesByAFifth) {
  Duration least = 100s;
  Duration most{0};
  for (int i = 0; i < 1'000; ++i) {
    const Duration time = about(10s);
    least = std::min(least, time);
    most = std::max(most, time);
  }
  EXPECT_GE(least, 8s);
  EXPECT_LE(most, 12s);
  EXPECT_LT(least, 9s);
  EXPECT_GT(most, 11s);
}

}  // namespace
}  // namespace starling::cloud
