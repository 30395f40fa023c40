#include "starlingd/watchdog.h"

#include <gtest/gtest.h>

#include <chrono>

#include "base/manual_loop.h"

namespace starling::starlingd {
namespace {

using std::chrono::seconds;

struct WatchdogTest : ::testing::Test {
  ManualLoop first;
  ManualLoop second;
  ManualLoop third;
  int told = 0;
  Watchdog watchdog{{&first, &second, &third}, seconds(10), [this] { ++told; }};

  void turn_all() {
    for (int i = 0; i < 2; ++i) {
      for (auto* loop : {&first, &second, &third}) loop->run();
    }
  }
};

TEST_F(WatchdogTest, AllWorkersTurn_IsToldOnceAnInterval) {
  watchdog.start();
  turn_all();
  EXPECT_EQ(told, 1);
  turn_all();
  EXPECT_EQ(told, 1);
  first.advance(seconds(10));
  turn_all();
  EXPECT_EQ(told, 2);
}

TEST_F(WatchdogTest, OneWorkerHangs_IsNotToldUntilItTurnsAgain) {
  watchdog.start();
  turn_all();
  first.advance(seconds(60));
  for (int i = 0; i < 5; ++i) {
    first.run();
    second.run();
  }
  EXPECT_EQ(told, 1);
  third.run();
  first.run();
  EXPECT_EQ(told, 2);
}

TEST(WatchdogAloneTest, SingleWorker_IsTold) {
  ManualLoop loop;
  int told = 0;
  Watchdog watchdog({&loop}, seconds(1), [&] { ++told; });
  watchdog.start();
  loop.run();
  EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace starling::starlingd
