// ManualLoop: an EventLoop driven by hand, with simulated time. For unit tests and simulators.
//
// It is EventLoop::current() of the thread that made it, until another one is made; while it runs
// it always is, so that one thread can drive several loops in turn.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <utility>

#include "base/event_loop.h"

namespace starling {

class ManualLoop final : public EventLoop {
 public:
  ManualLoop() { set_current(this); }
  ~ManualLoop() override {
    if (current() == this) set_current(nullptr);
  }
  ManualLoop(const ManualLoop&) = delete;
  ManualLoop& operator=(const ManualLoop&) = delete;

  void post(Callback fn) override {
    std::lock_guard lock(mutex_);
    posted_.push_back(std::move(fn));
  }
  [[nodiscard]] TimePoint now() const override { return now_; }
  TimerId run_after(Duration delay, Callback fn) override {
    const TimerId id = ++last_timer_;
    timers_.emplace(std::pair{now_ + delay, id}, std::move(fn));
    return id;
  }
  void cancel(TimerId id) override {
    std::erase_if(timers_, [id](const auto& timer) { return timer.first.second == id; });
  }
  void at_turn_end(Callback fn) override { turn_end_.push_back(std::move(fn)); }

  // Runs what is posted or due now, until nothing is left. Returns how many calls ran.
  int run();
  // Calls `fn` as if the loop did.
  template <class Fn>
  decltype(auto) inside(Fn&& fn) {
    const Running running(this);
    return std::forward<Fn>(fn)();
  }
  // Moves time forward, running timers in order on the way.
  void advance(Duration by);

 private:
  struct Running {
    explicit Running(EventLoop* loop) : outer(current()) { set_current(loop); }
    ~Running() { set_current(outer); }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    EventLoop* outer;
  };

  std::mutex mutex_;
  std::deque<Callback> posted_;
  std::deque<Callback> turn_end_;
  std::map<std::pair<TimePoint, TimerId>, Callback> timers_;
  TimePoint now_{};
  TimerId last_timer_ = 0;
};

}  // namespace starling
