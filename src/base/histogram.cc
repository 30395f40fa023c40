#include "base/histogram.h"

#include <algorithm>

#include "base/metrics_registry.h"

namespace starling::metrics {

void Histogram::observe(std::chrono::nanoseconds took) {
  const std::int64_t ns = std::max<std::int64_t>(0, took.count());
  const auto bucket = std::ranges::lower_bound(kBounds, ns) - kBounds.begin();
  Cell& cell = cells_[cell_of_thread(kCells)];
  cell.buckets[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  cell.sum_ns.fetch_add(ns, std::memory_order_relaxed);
}

Histogram::Value Histogram::value() const {
  Value value;
  for (const Cell& cell : cells_) {
    for (std::size_t i = 0; i < cell.buckets.size(); ++i) {
      const std::uint64_t n = cell.buckets[i].load(std::memory_order_relaxed);
      value.buckets[i] += n;
      value.count += n;
    }
    value.sum += std::chrono::nanoseconds(cell.sum_ns.load(std::memory_order_relaxed));
  }
  return value;
}

Histogram& histogram(const std::string& name, const std::string& help, const Labels& labels) {
  auto& registry = Registry::instance();
  const auto lock = registry.lock();
  Labels own = labels;
  return *registry.series(prometheus::MetricType::Histogram, name, help, own).histogram;
}

}  // namespace starling::metrics
