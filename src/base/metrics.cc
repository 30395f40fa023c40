#include "base/metrics.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cassert>
#include <mutex>
#include <utility>
#include <vector>

namespace starling::metrics {

namespace {

constexpr std::size_t kMaxSeries = 100;  // of one name

// What has one name and one set of labels.
struct Series {
  Counter counter;
  Gauge gauge;
  std::map<const Observed*, std::function<double()>> observed;
};

struct Family {
  prometheus::MetricType type = prometheus::MetricType::Gauge;
  std::string help;
  std::map<Labels, Series> series;
};

class Registry {
 public:
  // Never destroyed: threads may count until the very end of the process.
  static Registry& instance() {
    static auto* one = new Registry;
    return *one;
  }

  Series& series(prometheus::MetricType type, const std::string& name, const std::string& help,
                 Labels& labels) {
    assert(name.starts_with("starling_"));
    assert((type == prometheus::MetricType::Counter) == name.ends_with("_total"));
    auto [family, is_new] = families_.try_emplace(name);
    if (is_new) {
      family->second.type = type;
      family->second.help = help;
    }
    auto& all = family->second.series;
    if (all.size() >= kMaxSeries && !all.contains(labels)) {
      for (auto& [label, value] : labels) value = "other";
    }
    return all[labels];
  }

  [[nodiscard]] std::vector<prometheus::MetricFamily> collect() const {
    std::vector<prometheus::MetricFamily> result;
    for (const auto& [name, family] : families_) {
      auto& out = result.emplace_back();
      out.name = name;
      out.help = family.help;
      out.type = family.type;
      for (const auto& [labels, series] : family.series) {
        auto& metric = out.metric.emplace_back();
        for (const auto& [label, value] : labels) metric.label.push_back({label, value});
        metric.counter.value = static_cast<double>(series.counter.value());
        metric.gauge.value = static_cast<double>(series.gauge.value());
        for (const auto& [owner, value] : series.observed) metric.gauge.value += value();
      }
    }
    return result;
  }

  std::mutex mutex_;
  std::map<std::string, Family> families_;  // guarded by mutex_
};

}  // namespace

std::uint64_t Counter::value() const {
  std::uint64_t sum = 0;
  for (const Cell& cell : cells_) sum += cell.n.load(std::memory_order_relaxed);
  return sum;
}

std::size_t Counter::cell_of_this_thread() {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t mine = next.fetch_add(1, std::memory_order_relaxed) % kCells;
  return mine;
}

Counter& counter(const std::string& name, const std::string& help, const Labels& labels) {
  auto& registry = Registry::instance();
  const std::lock_guard lock(registry.mutex_);
  Labels own = labels;
  return registry.series(prometheus::MetricType::Counter, name, help, own).counter;
}

Gauge& gauge(const std::string& name, const std::string& help, const Labels& labels) {
  auto& registry = Registry::instance();
  const std::lock_guard lock(registry.mutex_);
  Labels own = labels;
  return registry.series(prometheus::MetricType::Gauge, name, help, own).gauge;
}

Observed::Observed(const std::string& name, const std::string& help, const Labels& labels,
                   std::function<double()> value)
    : name_(name), labels_(labels) {
  auto& registry = Registry::instance();
  const std::lock_guard lock(registry.mutex_);
  registry.series(prometheus::MetricType::Gauge, name, help, labels_)
      .observed.emplace(this, std::move(value));
}

Observed::~Observed() {
  auto& registry = Registry::instance();
  const std::lock_guard lock(registry.mutex_);
  registry.families_.at(name_).series.at(labels_).observed.erase(this);
}

std::string text() {
  auto& registry = Registry::instance();
  std::vector<prometheus::MetricFamily> families;
  {
    const std::lock_guard lock(registry.mutex_);
    families = registry.collect();
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace starling::metrics
