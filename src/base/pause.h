// pause: a coroutine waits for a while, on its loop.
#pragma once

#include <utility>

#include "base/event_loop.h"
#include "base/task.h"

namespace starling {

inline Completion<bool> pause(EventLoop& loop, Duration time) {
  return Completion<bool>([&loop, time](auto resume) {
    loop.run_after(time, [resume = std::move(resume)]() mutable { resume(true); });
  });
}

}  // namespace starling
