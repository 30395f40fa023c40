#include "base/manual_loop.h"

namespace starling {

int ManualLoop::run() {
  const Running running(this);
  int ran = 0;
  for (;;) {
    Callback fn;
    {
      std::lock_guard lock(mutex_);
      if (!posted_.empty()) {
        fn = std::move(posted_.front());
        posted_.pop_front();
      }
    }
    if (!fn && !timers_.empty() && timers_.begin()->first.first <= now_) {
      fn = std::move(timers_.begin()->second);
      timers_.erase(timers_.begin());
    }
    if (!fn && !turn_end_.empty()) {
      fn = std::move(turn_end_.front());
      turn_end_.pop_front();
    }
    if (!fn) return ran;
    fn();
    ++ran;
  }
}

void ManualLoop::advance(Duration by) {
  const TimePoint until = now_ + by;
  run();
  while (!timers_.empty() && timers_.begin()->first.first <= until) {
    now_ = timers_.begin()->first.first;
    run();
  }
  now_ = until;
  run();
}

}  // namespace starling
