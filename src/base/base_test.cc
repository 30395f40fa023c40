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

Task<void> until(Completion<bool>* completion) {
  co_await *completion;
}

TEST(Gate, AfterPresent_WaitsForThoseInsideAndNotForNewcomers) {
  Gate gate;
  Completion<bool>::Resume leave_first;
  Completion<bool>::Resume leave_second;
  Completion<bool> first([&](auto resume) { leave_first = std::move(resume); });
  Completion<bool> second([&](auto resume) { leave_second = std::move(resume); });
  std::string order;
  gate.after_present([&] { order += 'a'; });  // nobody is inside
  EXPECT_EQ(order, "a");
  gate.spawn(until(&first));
  gate.after_present([&] { order += 'b'; });
  gate.spawn(until(&second));
  gate.after_present([&] { order += 'c'; });
  EXPECT_EQ(order, "a");
  leave_second(true);
  EXPECT_EQ(order, "a") << "the first is still inside";
  leave_first(true);
  EXPECT_EQ(order, "abc");
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
  EXPECT_EQ(xmpp_datetime_us(1'790'000'000'000'012), "2026-09-21T14:13:20.000012Z");
}

TEST(Clock, ParseDateTime_TakesFractionsAndZones) {
  for (const std::int64_t us : {0LL, 1'790'000'000'000'012LL, 951'782'400'000'000LL}) {
    EXPECT_EQ(parse_xmpp_datetime(xmpp_datetime_us(us)), us);
  }
  EXPECT_EQ(parse_xmpp_datetime("1970-01-01T00:00:01Z"), 1'000'000);
  EXPECT_EQ(parse_xmpp_datetime("1970-01-01T00:00:00.5Z"), 500'000);
  EXPECT_EQ(parse_xmpp_datetime("1970-01-01T00:00:00.123456789Z"), 123'456);
  EXPECT_EQ(parse_xmpp_datetime("1970-01-01T02:30:00+02:30"), 0);
  EXPECT_EQ(parse_xmpp_datetime("1969-12-31T22:00:00-02:00"), 0);
  for (const char* text :
       {"", "1970-01-01", "1970-01-01T00:00:00", "1970-13-01T00:00:00Z", "1970-02-30T00:00:00Z",
        "1970-01-01T00:00:00.Z", "1970-01-01T00:00:00ZZ", "1970-01-01T25:00:00Z",
        "1970-1-01T00:00:00Z", "1970-01-01T00:00:00+2:00", "-970-01-01T00:00:00Z"}) {
    EXPECT_EQ(parse_xmpp_datetime(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace starling
