// Watchdog: proves to whoever watches this process that every worker turns.
//
// A token goes round: from the first loop to the next and so on, and home again. Only when it is
// home is the watcher told, and the next round begins. A worker that hangs keeps the token, and the
// watcher acts. Starts and ends on the first loop's thread; the loops must be stopped before it is
// destroyed.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "base/event_loop.h"

namespace starling::starlingd {

class Watchdog {
 public:
  // `tell` is called on the first loop, at most once in `interval`.
  Watchdog(std::vector<EventLoop*> loops, Duration interval, std::function<void()> tell)
      : loops_(std::move(loops)), interval_(interval), tell_(std::move(tell)) {}
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  void start() { pass_to(1); }

 private:
  void pass_to(std::size_t index) {
    const bool home = index == loops_.size();
    loops_[home ? 0 : index]->post([this, index, home] {
      if (!home) return pass_to(index + 1);
      tell_();
      loops_[0]->run_after(interval_, [this] { start(); });
    });
  }

  const std::vector<EventLoop*> loops_;
  const Duration interval_;
  const std::function<void()> tell_;
};

}  // namespace starling::starlingd
