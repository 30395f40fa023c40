// Simulated time, and event loops that live in it.
//
// A Clockwork holds all that is to happen, in order; nothing happens between two of its events. A
// SimLoop is a thread of a simulated process: it takes its turns a little after it was woken, so
// that the threads of a node interleave in as many ways as there are seeds, and it can stand still.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "base/event_loop.h"
#include "sim/random.h"

namespace starling::sim {

class Clockwork {
 public:
  explicit Clockwork(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] TimePoint now() const { return now_; }
  [[nodiscard]] Random& random() { return random_; }
  void at(TimePoint when, Callback fn);
  void after(Duration delay, Callback fn) { at(now_ + delay, std::move(fn)); }
  void run_until(TimePoint until);
  void run_for(Duration time) { run_until(now_ + time); }

  // What happened, as one number: two runs of a seed must come to the same.
  void trace(std::uint64_t value) { trace_ = (trace_ ^ value) * 0x100000001B3ULL + 0x9E37ULL; }
  void trace(std::string_view text) { trace(std::hash<std::string_view>{}(text)); }
  [[nodiscard]] std::uint64_t trace() const { return trace_; }
  [[nodiscard]] std::uint64_t events() const { return last_; }

 private:
  struct Event {
    TimePoint when;
    std::uint64_t number;
    Callback fn;
    // The first to happen is the greatest, for the heap.
    friend bool operator<(const Event& a, const Event& b) {
      return a.when != b.when ? a.when > b.when : a.number > b.number;
    }
  };

  Random random_;
  TimePoint now_{std::chrono::hours(1)};
  std::vector<Event> heap_;
  std::uint64_t last_ = 0;
  std::uint64_t trace_ = 0xCBF29CE484222325ULL;
};

class SimLoop final : public EventLoop {
 public:
  // `offset`: of its monotonic clock.
  SimLoop(Clockwork& clock, Duration offset) : clock_(clock), offset_(offset) {}
  SimLoop(const SimLoop&) = delete;
  SimLoop& operator=(const SimLoop&) = delete;

  void post(Callback fn) override;
  [[nodiscard]] TimePoint now() const override { return running_ ? now_ : clock_.now() + offset_; }
  TimerId run_after(Duration delay, Callback fn) override;
  void cancel(TimerId id) override;
  void at_turn_end(Callback fn) override;

  // Nothing runs until it goes on; or never again.
  void stand_still() { still_ = true; }
  void go_on();
  void end() { still_ = ended_ = true; }

  // How far its machine's wall clock is from the simulated one.
  Duration wall_clock_error{};

 private:
  void wake();
  void wake_at(TimePoint when);
  void turn();
  void run_posted();
  void run_due();

  Clockwork& clock_;
  const Duration offset_;
  TimePoint now_{};
  bool running_ = false;
  bool still_ = false;
  bool ended_ = false;
  bool woken_ = false;
  TimePoint armed_for_ = TimePoint::max();
  std::deque<Callback> posted_;
  std::deque<Callback> turn_end_;
  std::map<std::pair<TimePoint, TimerId>, Callback> timers_;
  std::map<TimerId, TimePoint> timer_times_;
  TimerId last_timer_ = 0;
};

}  // namespace starling::sim
