#include "base/metrics.h"

#include <algorithm>
#include <cassert>
#include <string_view>
#include <utility>

#include "base/metrics_registry.h"

namespace starling::metrics {

using prometheus::MetricType;

namespace {

// Whether the name says what the type is.
[[maybe_unused]] bool fits(MetricType type, std::string_view name) {
  return name.starts_with("starling_") &&
         (type == MetricType::Counter) == name.ends_with("_total") &&
         (type != MetricType::Histogram || name.ends_with("_seconds"));
}

prometheus::ClientMetric::Histogram in_seconds(const Histogram& histogram) {
  constexpr double kNanoseconds = 1e9;
  const Histogram::Value value = histogram.value();
  prometheus::ClientMetric::Histogram out;
  out.sample_count = value.count;
  out.sample_sum = static_cast<double>(value.sum.count()) / kNanoseconds;
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < Histogram::kBounds.size(); ++i) {
    below += value.buckets[i];
    out.bucket.push_back({below, static_cast<double>(Histogram::kBounds[i]) / kNanoseconds});
  }
  return out;
}

}  // namespace

Registry& Registry::instance() {
  static auto* one = new Registry;
  return *one;
}

Registry::Series& Registry::series(MetricType type, const std::string& name,
                                   const std::string& help, Labels& labels) {
  assert(fits(type, name));
  auto [family, is_new] = families_.try_emplace(name);
  if (is_new) {
    family->second.type = type;
    family->second.help = help;
  }
  auto& all = family->second.series;
  if (all.size() >= kMaxSeries && !all.contains(labels)) {
    for (auto& [label, value] : labels) value = "other";
  }
  Series& series = all[labels];
  if (type == MetricType::Histogram && !series.histogram) {
    series.histogram = std::make_unique<Histogram>();
  }
  return series;
}

void Registry::forget(const std::string& name, const Labels& labels, const Observed* owner) {
  const auto family = families_.find(name);
  const auto series = family->second.series.find(labels);
  series->second.observed.erase(owner);
  if (!series->second.observed.empty() || series->second.lasting) return;
  family->second.series.erase(series);
  if (family->second.series.empty()) families_.erase(family);
}

std::vector<Registry::Collected> Registry::collect() const {
  constexpr double kMicroseconds = 1e6;
  std::vector<Collected> result;
  for (const auto& [name, family] : families_) {
    auto& [out, made_at] = result.emplace_back();
    out.name = name;
    out.help = family.help;
    out.type = family.type;
    for (const auto& [labels, series] : family.series) {
      auto& metric = out.metric.emplace_back();
      for (const auto& [label, value] : labels) metric.label.push_back({label, value});
      metric.counter.value = static_cast<double>(series.counter.value());
      metric.gauge.value = static_cast<double>(series.gauge.value());
      for (const auto& [owner, value] : series.observed) metric.gauge.value += value();
      if (series.histogram) metric.histogram = in_seconds(*series.histogram);
      made_at.push_back(static_cast<double>(series.made_at_us) / kMicroseconds);
    }
  }
  return result;
}

std::size_t cell_of_thread(std::size_t cells) {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t mine = next.fetch_add(1, std::memory_order_relaxed);
  return mine % cells;
}

std::uint64_t Counter::value() const {
  std::uint64_t sum = 0;
  for (const Cell& cell : cells_) sum += cell.n.load(std::memory_order_relaxed);
  return sum;
}

std::size_t Counter::cell_of_this_thread() {
  return cell_of_thread(kCells);
}

Counter& counter(const std::string& name, const std::string& help, const Labels& labels) {
  auto& registry = Registry::instance();
  const auto lock = registry.lock();
  Labels own = labels;
  return registry.series(MetricType::Counter, name, help, own).counter;
}

Gauge& gauge(const std::string& name, const std::string& help, const Labels& labels) {
  auto& registry = Registry::instance();
  const auto lock = registry.lock();
  Labels own = labels;
  auto& series = registry.series(MetricType::Gauge, name, help, own);
  series.lasting = true;
  return series.gauge;
}

Observed::Observed(const std::string& name, const std::string& help, const Labels& labels,
                   std::function<double()> value)
    : name_(name), labels_(labels) {
  auto& registry = Registry::instance();
  const auto lock = registry.lock();
  registry.series(MetricType::Gauge, name, help, labels_).observed.emplace(this, std::move(value));
}

Observed::~Observed() {
  auto& registry = Registry::instance();
  const auto lock = registry.lock();
  registry.forget(name_, labels_, this);
}

}  // namespace starling::metrics
