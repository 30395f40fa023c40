#include "cluster/link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "base/histogram.h"

namespace starling::cluster {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

// Two ends of one link, and a wire between them that a test can cut.
class LinkTest : public testing::Test {
 protected:
  struct End {
    std::unique_ptr<Link> link;
    std::vector<std::string> wire;  // frames that left
    std::vector<std::string> got;
  };

  LinkTest() {
    a_.link = std::make_unique<Link>(1, 2, [this](std::string f) { a_.wire.push_back(f); });
    b_.link = std::make_unique<Link>(2, 1, [this](std::string f) { b_.wire.push_back(f); });
  }

  static void arrive(End& at, const std::string& bytes, TimePoint now) {
    Decoder frame(bytes);
    const auto head = read_head(frame);
    ASSERT_TRUE(head);
    frame.number();  // to whom
    if (head->kind == FrameKind::receipt) {
      EXPECT_TRUE(at.link->receipt(frame, now));
    } else {
      EXPECT_TRUE(
          at.link->received(frame, now, [&](std::string_view p) { at.got.emplace_back(p); }));
    }
  }
  void carry(End& from, End& to) {
    for (const auto& frame : std::exchange(from.wire, {})) arrive(to, frame, now_);
  }
  // Until nothing is on its way.
  void settle() {
    do {
      carry(a_, b_);
      carry(b_, a_);
      a_.link->flush(now_);
      b_.link->flush(now_);
    } while (!a_.wire.empty() || !b_.wire.empty());
  }
  void send(std::string_view parcel) {
    a_.link->push(parcel);
    a_.link->flush(now_);
  }
  void pass(Duration time) {
    now_ += time;
    a_.link->tick(now_);
    b_.link->tick(now_);
  }

  End a_;
  End b_;
  TimePoint now_{1h};
};

TEST_F(LinkTest, carries_parcels_in_order_and_batches_those_of_one_turn) {
  a_.link->push("one");
  a_.link->push("two");
  a_.link->flush(now_);
  EXPECT_EQ(a_.wire.size(), 1);
  send("three");
  settle();
  EXPECT_THAT(b_.got, ElementsAre("one", "two", "three"));
}

TEST_F(LinkTest, measures_from_the_first_time_a_frame_was_sent_to_its_receipt) {
  const metrics::Histogram& took = metrics::histogram("starling_bus_round_trip_seconds", "");
  const auto before = took.value();
  send("one");
  a_.wire.clear();
  pass(Link::kAgainAfter);
  EXPECT_EQ(took.value().count, before.count);
  pass(1ms);
  settle();
  const auto after = took.value();
  EXPECT_EQ(after.count, before.count + 1);
  EXPECT_EQ(after.sum - before.sum, Link::kAgainAfter + 1ms);
}

TEST_F(LinkTest, sends_again_what_was_lost) {
  send("one");
  a_.wire.clear();
  pass(Link::kAgainAfter);
  settle();
  EXPECT_THAT(b_.got, ElementsAre("one"));
}

TEST_F(LinkTest, a_later_frame_shows_that_one_is_missing) {
  send("one");
  a_.wire.clear();
  now_ += 100ms;
  send("two");
  settle();
  EXPECT_THAT(b_.got, ElementsAre("one", "two"));
}

TEST_F(LinkTest, what_comes_twice_counts_once) {
  send("one");
  const std::string frame = a_.wire.front();
  settle();
  arrive(b_, frame, now_);
  EXPECT_THAT(b_.got, ElementsAre("one"));
}

TEST_F(LinkTest, after_a_long_break_all_of_it_arrives) {
  for (int i = 0; i < 100; ++i) {
    send(std::to_string(i));
    pass(100ms);
  }
  a_.wire.clear();
  b_.wire.clear();
  pass(Link::kAgainAfter);
  settle();
  ASSERT_EQ(b_.got.size(), 100);
  EXPECT_EQ(b_.got.back(), "99");
}

TEST_F(LinkTest, receipts_let_go_of_what_is_kept) {
  send("one");
  carry(a_, b_);
  EXPECT_EQ(a_.link->waiting_frames(), 1);
  b_.link->flush(now_);
  carry(b_, a_);
  EXPECT_EQ(a_.link->waiting_frames(), 0);
  EXPECT_EQ(a_.link->waiting_bytes(), 0);
}

TEST_F(LinkTest, tells_since_when_the_oldest_waits) {
  EXPECT_EQ(a_.link->waiting_since(), std::nullopt);
  const TimePoint first = now_;
  send("one");
  pass(100ms);
  send("two");
  EXPECT_EQ(a_.link->waiting_since(), first);
  arrive(b_, a_.wire.front(), now_);
  b_.link->flush(now_);
  carry(b_, a_);
  EXPECT_EQ(a_.link->waiting_since(), first + 100ms);
  settle();
  EXPECT_EQ(a_.link->waiting_since(), std::nullopt);
}

TEST_F(LinkTest, what_was_not_sent_yet_waits_as_well) {
  const TimePoint first = now_;
  while (a_.link->waiting_bytes() < 2 * Link::kWindowBytes) send(std::string(50'000, 'x'));
  pass(200ms);
  carry(a_, b_);
  b_.link->flush(now_);
  carry(b_, a_);
  EXPECT_GT(a_.link->waiting_frames(), 0);
  EXPECT_EQ(a_.link->waiting_since(), first);
}

TEST_F(LinkTest, only_a_window_is_on_its_way_and_room_ends) {
  const std::string big(50'000, 'x');
  while (a_.link->has_room()) send(big);
  std::size_t bytes = 0;
  for (const auto& frame : a_.wire) bytes += frame.size();
  EXPECT_LE(bytes, Link::kWindowBytes + 1'000);
  settle();
  EXPECT_TRUE(a_.link->has_room());
  for (int i = 0; i < 1'000 && a_.link->waiting_bytes() > 0; ++i) {
    pass(10ms);
    b_.link->flush(now_);
    settle();
  }
  EXPECT_EQ(a_.link->waiting_bytes(), 0);
}

TEST_F(LinkTest, a_parcel_larger_than_a_frame_passes) {
  const std::string big(300'000, 'x');
  send("before");
  send(big);
  send("after");
  settle();
  EXPECT_THAT(b_.got, ElementsAre("before", big, "after"));
}

// Whatever the wire loses, doubles and mixes up: each parcel arrives once, in order.
TEST_F(LinkTest, survives_a_bad_wire) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    const auto chance = [&](unsigned percent) { return random() % 100 < percent; };
    a_ = End();
    b_ = End();
    a_.link = std::make_unique<Link>(1, 2, [this](std::string f) { a_.wire.push_back(f); });
    b_.link = std::make_unique<Link>(2, 1, [this](std::string f) { b_.wire.push_back(f); });
    std::vector<std::string> sent[2];
    const auto bad = [&](End& from, End& to) {
      auto frames = std::exchange(from.wire, {});
      if (chance(30)) std::shuffle(frames.begin(), frames.end(), random);
      for (const auto& frame : frames) {
        if (chance(30)) continue;
        arrive(to, frame, now_);
        if (chance(10)) arrive(to, frame, now_);
      }
    };
    for (int i = 0; i < 200; ++i) {
      for (End* end : {&a_, &b_}) {
        if (chance(60)) {
          sent[end == &b_].push_back(std::to_string(i));
          end->link->push(std::to_string(i));
          end->link->flush(now_);
        }
      }
      bad(a_, b_);
      bad(b_, a_);
      pass(30ms);
    }
    for (int i = 0; i < 100; ++i) {
      settle();
      pass(Link::kAgainAfter);
    }
    ASSERT_EQ(b_.got, sent[0]) << "seed " << seed;
    ASSERT_EQ(a_.got, sent[1]) << "seed " << seed;
  }
}

TEST_F(LinkTest, a_damaged_frame_is_refused_and_does_no_harm) {
  send("one");
  std::string frame = a_.wire.front();
  frame.pop_back();
  Decoder damaged(frame);
  ASSERT_TRUE(read_head(damaged));
  damaged.number();
  EXPECT_FALSE(b_.link->received(damaged, now_, [](std::string_view) {}));
}

}  // namespace
}  // namespace starling::cluster
