// Histograms: how long things take, as metrics (base/metrics.h).
//
//   static metrics::Histogram& took =
//       metrics::histogram("starling_store_commit_seconds", "From ... to ...");
//   took.observe(EventLoop::current()->now() - began);
//
// All have the same buckets, so that nodes can be added up. A name ends in `_seconds`. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/metrics.h"

namespace starling::metrics {

// Threads count in cells of their own, as with Counter.
class Histogram {
 public:
  // The upper bounds of the buckets, in nanoseconds: 50 microseconds to 10 seconds. What is more
  // is in one further bucket.
  static constexpr std::array<std::int64_t, 17> kBounds = {
      50'000,      100'000,       250'000,       500'000,       1'000'000,     2'500'000,
      5'000'000,   10'000'000,    25'000'000,    50'000'000,    100'000'000,   250'000'000,
      500'000'000, 1'000'000'000, 2'500'000'000, 5'000'000'000, 10'000'000'000};

  // Less than nothing counts as nothing.
  void observe(std::chrono::nanoseconds took);

  struct Value {
    std::array<std::uint64_t, kBounds.size() + 1> buckets{};  // each by itself
    std::uint64_t count = 0;
    std::chrono::nanoseconds sum{0};
  };
  [[nodiscard]] Value value() const;

 private:
  static constexpr std::size_t kCells = 8;
  struct alignas(64) Cell {
    std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> buckets{};
    std::atomic<std::int64_t> sum_ns{0};
  };

  std::array<Cell, kCells> cells_;
};

// The one of that name and those labels, as with counter().
Histogram& histogram(const std::string& name, const std::string& help, const Labels& labels = {});

}  // namespace starling::metrics
