// Throttle: lets one (or a few) of many alike events a period through, so that a flood does not
// fill the log.
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
  explicit Throttle(Duration period, unsigned at_most = 1) : period_(period), at_most_(at_most) {}

  // The number of events held back since the last that passed; nullopt: this one is held back.
  std::optional<std::uint64_t> pass(TimePoint now) {
    const std::lock_guard lock(mutex_);
    if (!next_ || now >= *next_) {
      next_ = now + period_;
      passed_ = 0;
    }
    if (passed_ == at_most_) {
      ++held_back_;
      return std::nullopt;
    }
    ++passed_;
    return std::exchange(held_back_, 0);
  }

 private:
  const Duration period_;
  const unsigned at_most_;
  std::mutex mutex_;
  std::optional<TimePoint> next_;
  unsigned passed_ = 0;
  std::uint64_t held_back_ = 0;
};

}  // namespace starling
