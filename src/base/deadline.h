// Deadline: how long blocking work may still take. For threads of a pool; what runs on a loop uses
// its timers.
#pragma once

#include <algorithm>
#include <chrono>

namespace starling {

class Deadline {
 public:
  explicit Deadline(std::chrono::milliseconds bound) : end_(Clock::now() + bound) {}
  [[nodiscard]] bool passed() const { return Clock::now() >= end_; }
  // Milliseconds, as poll(2) takes them; 0 once it has passed.
  [[nodiscard]] int left_ms() const {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end_ - Clock::now());
    return static_cast<int>(std::max<std::chrono::milliseconds::rep>(0, left.count()));
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point end_;
};

}  // namespace starling
