#include "sim/loop.h"

#include <algorithm>

namespace starling::sim {

namespace {
constexpr std::chrono::microseconds kWakeUp{100};  // at most so long
}  // namespace

void Clockwork::at(TimePoint when, Callback fn) {
  heap_.push_back({std::max(when, now_), ++last_, std::move(fn)});
  std::push_heap(heap_.begin(), heap_.end());
}

void Clockwork::run_until(TimePoint until) {
  while (!heap_.empty() && heap_.front().when <= until) {
    std::pop_heap(heap_.begin(), heap_.end());
    Event event = std::move(heap_.back());
    heap_.pop_back();
    now_ = event.when;
    event.fn();
  }
  now_ = std::max(now_, until);
}

void SimLoop::post(Callback fn) {
  if (ended_) return;
  posted_.push_back(std::move(fn));
  wake();
}

TimerId SimLoop::run_after(Duration delay, Callback fn) {
  const TimerId id = ++last_timer_;
  const TimePoint due = now() + delay;
  timers_.emplace(std::pair{due, id}, std::move(fn));
  timer_times_.emplace(id, due);
  if (due - offset_ < armed_for_) wake_at(due - offset_);
  return id;
}

void SimLoop::cancel(TimerId id) {
  const auto found = timer_times_.find(id);
  if (found == timer_times_.end()) return;
  timers_.erase({found->second, id});
  timer_times_.erase(found);
}

void SimLoop::at_turn_end(Callback fn) {
  turn_end_.push_back(std::move(fn));
  if (!running_) wake();
}

void SimLoop::wake() {
  if (still_ || std::exchange(woken_, true)) return;
  clock_.after(clock_.random().between({}, kWakeUp), [this] {
    woken_ = false;
    turn();
  });
}

void SimLoop::wake_at(TimePoint when) {
  armed_for_ = when;
  clock_.at(when, [this, when] {
    if (armed_for_ != when) return;  // an earlier one was armed since
    armed_for_ = TimePoint::max();
    turn();
  });
}

void SimLoop::go_on() {
  if (ended_) return;
  still_ = false;
  wake();
}

void SimLoop::turn() {
  if (still_) return;
  EventLoop* const outer = current();
  set_current(this);
  now_ = clock_.now() + offset_;
  running_ = true;
  // After a pause both are due, and nobody knows which comes first.
  if (clock_.random().chance(50)) {
    run_posted();
    run_due();
  } else {
    run_due();
    run_posted();
  }
  while (!turn_end_.empty()) {
    Callback fn = std::move(turn_end_.front());
    turn_end_.pop_front();
    fn();
  }
  running_ = false;
  set_current(outer);
  if (!posted_.empty()) wake();
  if (!timers_.empty()) {
    const TimePoint due = timers_.begin()->first.first - offset_;
    if (due < armed_for_) wake_at(due);
  }
}

void SimLoop::run_posted() {
  for (std::size_t n = posted_.size(); n > 0 && !still_; --n) {
    Callback fn = std::move(posted_.front());
    posted_.pop_front();
    fn();
  }
}

void SimLoop::run_due() {
  while (!still_ && !timers_.empty() && timers_.begin()->first.first <= now_) {
    auto node = timers_.extract(timers_.begin());
    timer_times_.erase(node.key().second);
    node.mapped()();
  }
}

}  // namespace starling::sim
