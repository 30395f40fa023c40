#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "base/clock.h"
#include "base/manual_loop.h"
#include "base/random.h"
#include "base/task.h"
#include "base/thread_pool.h"

namespace starling {
namespace {

using namespace std::chrono_literals;

Task<int> answer() {
  co_return 42;
}
Task<void> store_answer(int* out) {
  *out = co_await answer();
}

TEST(Task, Spawn_RunsToItsFirstSuspension) {
  Gate gate;
  int got = 0;
  EXPECT_TRUE(gate.spawn(store_answer(&got)));
  EXPECT_EQ(got, 42);
  EXPECT_EQ(gate.count(), 0);
}

Task<void> run_on_pool(ThreadPool* pool, std::thread::id* ran_on, std::thread::id* resumed_on) {
  *ran_on = co_await pool->run([] { return std::this_thread::get_id(); });
  *resumed_on = std::this_thread::get_id();
}

TEST(ThreadPool, Run_ResumesOnTheCallersLoop) {
  ManualLoop loop;
  ThreadPool pool(1, "test");
  Gate gate;
  std::thread::id ran_on;
  std::thread::id resumed_on;
  gate.spawn(run_on_pool(&pool, &ran_on, &resumed_on));
  while (gate.count() > 0) {
    loop.run();
    std::this_thread::yield();
  }
  EXPECT_NE(ran_on, std::this_thread::get_id());
  EXPECT_EQ(resumed_on, std::this_thread::get_id());
}

TEST(Gate, Close_WaitsForThoseInsideAndRefusesNewcomers) {
  ManualLoop loop;
  ThreadPool pool(1, "test");
  Gate gate;
  std::thread::id a;
  std::thread::id b;
  gate.spawn(run_on_pool(&pool, &a, &b));
  bool empty = false;
  gate.close([&] { empty = true; });
  EXPECT_FALSE(empty);
  int unused = 0;
  EXPECT_FALSE(gate.spawn(store_answer(&unused)));
  EXPECT_EQ(unused, 0);
  while (!empty) {
    loop.run();
    std::this_thread::yield();
  }
}

TEST(ManualLoop, Timers_RunInOrderAndCanBeCancelled) {
  ManualLoop loop;
  std::string order;
  loop.run_after(2s, [&] { order += 'b'; });
  loop.run_after(1s, [&] { order += 'a'; });
  const TimerId cancelled = loop.run_after(3s, [&] { order += 'x'; });
  loop.cancel(cancelled);
  loop.advance(10s);
  EXPECT_EQ(order, "ab");
}

TEST(Random, Token_HasTheAlphabetAndDiffers) {
  const std::string a = random_token(26);
  EXPECT_EQ(a.size(), 26U);
  EXPECT_EQ(a.find_first_not_of("abcdefghijklmnopqrstuvwxyz234567"), std::string::npos);
  EXPECT_NE(a, random_token(26));
}

TEST(Clock, DateTime_IsXep0082) {
  EXPECT_EQ(xmpp_datetime(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(xmpp_datetime(1'790'000'000'999'999), "2026-09-21T14:13:20Z");
}

}  // namespace
}  // namespace starling
