// The registry of all metrics of this process. For metrics.cc, histogram.cc and metrics_text.cc.
#pragma once

#include <prometheus/metric_family.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/histogram.h"
#include "base/metrics.h"

namespace starling::metrics {

// Which of so many cells this thread counts in.
[[nodiscard]] std::size_t cell_of_thread(std::size_t cells);

class Registry {
 public:
  // What has one name and one set of labels.
  struct Series {
    Counter counter;
    Gauge gauge;
    std::unique_ptr<Histogram> histogram;  // of that type only
    std::map<const Observed*, std::function<double()>> observed;
    std::int64_t made_at_us = wall_clock_us();
    bool lasting = false;  // somebody has a reference to it
  };

  // A family, as prometheus-cpp has it, and what that does not have.
  struct Collected {
    prometheus::MetricFamily family;
    std::vector<double> made_at;  // of each of its metrics, in seconds since 1970
  };

  // Never destroyed: threads may count until the very end of the process.
  static Registry& instance();

  [[nodiscard]] std::unique_lock<std::mutex> lock() { return std::unique_lock(mutex_); }

  // --- under the lock ---

  // The labels are changed to those that the series has.
  Series& series(prometheus::MetricType type, const std::string& name, const std::string& help,
                 Labels& labels);
  // The value of a gauge that is not observed any more; the series goes with the last of them.
  void forget(const std::string& name, const Labels& labels, const Observed* owner);
  [[nodiscard]] std::vector<Collected> collect() const;

 private:
  static constexpr std::size_t kMaxSeries = 100;  // of one name
  struct Family {
    prometheus::MetricType type = prometheus::MetricType::Gauge;
    std::string help;
    std::map<Labels, Series> series;
  };

  std::mutex mutex_;
  std::map<std::string, Family> families_;  // guarded by mutex_
};

}  // namespace starling::metrics
