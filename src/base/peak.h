// Peak: the longest of what was noted since it was last taken. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>

namespace starling {

class Peak {
 public:
  void note(std::chrono::nanoseconds took) {
    std::chrono::nanoseconds known = longest_;
    while (known < took && !longest_.compare_exchange_weak(known, took)) {
    }
  }
  // 0: nothing was noted.
  std::chrono::nanoseconds take() { return longest_.exchange(std::chrono::nanoseconds(0)); }

 private:
  std::atomic<std::chrono::nanoseconds> longest_{std::chrono::nanoseconds(0)};
};

}  // namespace starling
