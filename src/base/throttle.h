// Throttle: lets one of many alike events a period through, so that a flood does not fill the log.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

#include "base/event_loop.h"

namespace starling {

// Thread-safe.
class Throttle {
 public:
  explicit Throttle(Duration period) : period_(period) {}

  // The number of events held back since the last that passed; nullopt: this one is held back.
  std::optional<std::uint64_t> pass(TimePoint now) {
    const std::lock_guard lock(mutex_);
    if (next_ && now < *next_) {
      ++held_back_;
      return std::nullopt;
    }
    next_ = now + period_;
    return std::exchange(held_back_, 0);
  }

 private:
  const Duration period_;
  std::mutex mutex_;
  std::optional<TimePoint> next_;
  std::uint64_t held_back_ = 0;
};

}  // namespace starling
