#include "net/io_loop.h"

#include <gtest/gtest.h>

#include <functional>
#include <thread>
#include <vector>

#include "net/test_support.h"

namespace starling::net {
namespace {

using namespace std::chrono_literals;
using Order = std::vector<std::string>;

TEST(IoLoop, PostedFromOtherThreads_EachThreadsOrderIsKept) {
  constexpr int kThreads = 4;
  constexpr int kPosts = 5'000;
  std::vector<std::vector<int>> seen(kThreads);  // touched on the loop only
  {
    test::LoopThread worker;
    std::vector<std::thread> threads;
    threads.reserve(kThreads);
    for (std::size_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kPosts; ++i) worker.loop().post([&, t, i] { seen[t].push_back(i); });
      });
    }
    for (auto& thread : threads) thread.join();
  }  // what was posted before stop() still runs
  for (const auto& posts : seen) {
    ASSERT_EQ(posts.size(), kPosts);
    for (int i = 0; i < kPosts; ++i) ASSERT_EQ(posts[static_cast<std::size_t>(i)], i);
  }
}

TEST(IoLoop, BurstOfPosts_IsOneHandlerOfOneTurn) {
  // More than one turn's worth of handlers: only one wake-up for all keeps them in one turn.
  constexpr int kPosts = 3'000;
  IoLoop loop;
  int ran = 0;
  int ran_at_turn_end = -1;
  std::thread other([&] {
    for (int i = 0; i < kPosts; ++i) {
      loop.post([&] {
        if (ran++ == 0) loop.at_turn_end([&] { ran_at_turn_end = ran; });
      });
    }
  });
  other.join();
  loop.stop();
  loop.run();
  EXPECT_EQ(ran_at_turn_end, kPosts);
}

TEST(IoLoop, AtTurnEnd_RunsAfterTheInputOfTheTurnAndMayAddToTheSameTurn) {
  IoLoop loop;
  Order order;
  loop.post([&] {
    loop.at_turn_end([&] {
      order.emplace_back("end");
      loop.at_turn_end([&] { order.emplace_back("end of end"); });
      loop.post([&] {
        order.emplace_back("next turn");
        loop.stop();
      });
    });
    order.emplace_back("a");
  });
  loop.post([&] { order.emplace_back("b"); });
  loop.run();
  EXPECT_EQ(order, (Order{"a", "b", "end", "end of end", "next turn"}));
}

TEST(IoLoop, HandlersThatNeverRunOut_DoNotKeepATurnFromEnding) {
  IoLoop loop;
  bool ended = false;
  std::function<void()> again = [&] {
    if (ended) return loop.stop();
    loop.post([&] { again(); });
  };
  loop.post([&] {
    loop.at_turn_end([&] { ended = true; });
    again();
  });
  loop.run();
  EXPECT_TRUE(ended);
}

TEST(IoLoop, Timers_RunInOrderOfTheirTime) {
  IoLoop loop;
  Order order;
  loop.post([&] {
    loop.run_after(3ms, [&] {
      order.emplace_back("third");
      loop.stop();
    });
    loop.run_after(1ms, [&] { order.emplace_back("first"); });
    loop.run_after(2ms, [&] { order.emplace_back("second a"); });
    loop.run_after(2ms, [&] { order.emplace_back("second b"); });
  });
  loop.run();
  EXPECT_EQ(order, (Order{"first", "second a", "second b", "third"}));
}

TEST(IoLoop, EarlierTimerAddedLater_IsNotHeldBackByTheOneArmedBefore) {
  IoLoop loop;
  bool ran = false;
  loop.post([&] {
    loop.run_after(24h, [] { ADD_FAILURE() << "a day has not passed"; });
    loop.run_after(1ms, [&] {
      ran = true;
      loop.stop();
    });
  });
  loop.run();
  EXPECT_TRUE(ran);
}

TEST(IoLoop, CancelledTimer_NeverRuns) {
  IoLoop loop;
  Order order;
  TimerId later = 0;
  loop.post([&] {
    const TimerId at_once = loop.run_after(1ms, [&] { order.emplace_back("cancelled"); });
    EXPECT_NE(at_once, 0U);
    later = loop.run_after(2ms, [&] { order.emplace_back("cancelled by a timer"); });
    loop.run_after(2ms, [&] {
      order.emplace_back("kept");
      loop.cancel(later);  // has run or was cancelled: no harm
      loop.stop();
    });
    loop.run_after(1ms, [&] { loop.cancel(later); });
    loop.cancel(at_once);
    loop.cancel(at_once);
  });
  loop.run();
  EXPECT_EQ(order, Order{"kept"});
}

TEST(IoLoop, Now_StandsStillWithinATurn) {
  IoLoop loop;
  loop.post([&] {
    const TimePoint before = loop.now();
    loop.post([&, before] {
      EXPECT_EQ(loop.now(), before);
      loop.run_after(1ns, [&, before] {
        EXPECT_GT(loop.now(), before);
        loop.stop();
      });
    });
  });
  loop.run();
}

TEST(IoLoop, Current_IsTheLoopWhoseThreadThisIs) {
  EXPECT_EQ(EventLoop::current(), nullptr);
  test::LoopThread worker;
  EXPECT_EQ(worker.run([] { return EventLoop::current(); }), &worker.loop());
  EXPECT_EQ(EventLoop::current(), nullptr);
}

TEST(IoLoop, Buffers_ComeBackEmptyAndWithTheirMemory) {
  IoLoop loop;
  std::string buffer = loop.take_buffer();
  buffer.assign(4'096, 'x');
  const char* memory = buffer.data();
  loop.give_buffer(std::move(buffer));
  const std::string again = loop.take_buffer();
  EXPECT_TRUE(again.empty());
  EXPECT_EQ(again.data(), memory);
}

}  // namespace
}  // namespace starling::net
