#include "base/metrics_text.h"

#include <fmt/format.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <utility>
#include <vector>

#include "base/metrics_registry.h"

namespace starling::metrics {

namespace {

using prometheus::MetricType;

// --- OpenMetrics ---
//
// prometheus-cpp collects the metrics for both formats, but writes the older one only; hence what
// follows. The differences: a counter's family has no `_total` in its name, units are said, and so
// is when counting began, numbers in `le` are always written as such, and there is an end.

std::string_view type_name(MetricType type) {
  switch (type) {
    case MetricType::Counter:
      return "counter";
    case MetricType::Gauge:
      return "gauge";
    case MetricType::Histogram:
      return "histogram";
    default:
      return "unknown";
  }
}

// "" if the name of a family bears none.
std::string_view unit_of(std::string_view family) {
  constexpr std::array<std::string_view, 3> kUnits = {"seconds", "bytes", "percent"};
  for (const std::string_view unit : kUnits) {
    if (family.ends_with(unit) && family.substr(0, family.size() - unit.size()).ends_with('_')) {
      return unit;
    }
  }
  return {};
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

// The canonical form of a bucket's bound: "0.5", "1.0".
std::string bound_text(double bound) {
  std::string text = fmt::format("{}", bound);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

class OpenMetrics {
 public:
  void add(const Registry::Collected& collected);
  [[nodiscard]] std::string take() && {
    out_ += "# EOF\n";
    return std::move(out_);
  }

 private:
  using Metric = prometheus::ClientMetric;
  void sample(std::string_view end, const Metric& metric, std::string_view value,
              std::string_view le = {});
  void created(const Metric& metric, double at) {
    sample("_created", metric, fmt::format("{:.3f}", at));
  }
  void histogram(const Metric& metric);

  std::string out_;
  std::string family_;
};

void OpenMetrics::add(const Registry::Collected& collected) {
  constexpr std::string_view kTotal = "_total";
  const auto& [family, made_at] = collected;
  family_ = family.name;
  if (family.type == MetricType::Counter) family_.resize(family_.size() - kTotal.size());
  out_ += fmt::format("# TYPE {} {}\n", family_, type_name(family.type));
  if (const auto unit = unit_of(family_); !unit.empty()) {
    out_ += fmt::format("# UNIT {} {}\n", family_, unit);
  }
  out_ += fmt::format("# HELP {} {}\n", family_, escaped(family.help));
  for (std::size_t i = 0; i < family.metric.size(); ++i) {
    const Metric& metric = family.metric[i];
    if (family.type == MetricType::Gauge) {
      sample("", metric, fmt::format("{}", metric.gauge.value));
      continue;
    }
    if (family.type == MetricType::Counter) {
      sample(kTotal, metric, fmt::format("{}", metric.counter.value));
    } else {
      histogram(metric);
    }
    created(metric, made_at[i]);
  }
}

void OpenMetrics::histogram(const Metric& metric) {
  for (const auto& bucket : metric.histogram.bucket) {
    sample("_bucket", metric, std::to_string(bucket.cumulative_count),
           bound_text(bucket.upper_bound));
  }
  const std::string count = std::to_string(metric.histogram.sample_count);
  sample("_bucket", metric, count, "+Inf");
  sample("_count", metric, count);
  sample("_sum", metric, fmt::format("{}", metric.histogram.sample_sum));
}

void OpenMetrics::sample(std::string_view end, const Metric& metric, std::string_view value,
                         std::string_view le) {
  std::string labels;
  const auto label = [&](std::string_view name, std::string_view of) {
    labels += fmt::format("{}{}=\"{}\"", labels.empty() ? "" : ",", name, escaped(of));
  };
  for (const auto& [name, of] : metric.label) label(name, of);
  if (!le.empty()) label("le", le);
  if (!labels.empty()) labels = "{" + labels + "}";
  out_ += fmt::format("{}{}{} {}\n", family_, end, labels, value);
}

// --- what is asked for ---

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// What is before the separator; `text` becomes what is behind it.
std::string_view cut(std::string_view& text, char separator) {
  const auto at = text.find(separator);
  const std::string_view before = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  return trimmed(before);
}

bool same(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, {}, [](unsigned char c) { return std::tolower(c); },
      [](unsigned char c) { return std::tolower(c); });
}

struct MediaRange {
  std::string_view type;
  std::string_view version;
  double weight = 1;
};

MediaRange media_range(std::string_view text) {
  MediaRange range{.type = cut(text, ';'), .version = {}, .weight = 1};
  while (!text.empty()) {
    std::string_view value = cut(text, ';');
    const std::string_view name = cut(value, '=');
    value = trimmed(value);
    if (same(name, "version")) range.version = value;
    if (!same(name, "q")) continue;
    double weight = 0;  // what cannot be read is not wanted
    std::from_chars(value.data(), value.data() + value.size(), weight);
    range.weight = weight > 0 ? std::min(weight, 1.0) : 0;
  }
  return range;
}

}  // namespace

Format format_for(std::string_view accept) {
  double openmetrics = 0;
  double plain = 0;
  while (!accept.empty()) {
    const MediaRange range = media_range(cut(accept, ','));
    if (same(range.type, "application/openmetrics-text")) {
      const bool ours = range.version.empty() || range.version.starts_with("1.");
      if (ours) openmetrics = std::max(openmetrics, range.weight);
    } else if (same(range.type, "text/plain")) {
      plain = std::max(plain, range.weight);
    }
  }
  return openmetrics > 0 && openmetrics >= plain ? Format::openmetrics : Format::prometheus;
}

std::string_view content_type(Format format) {
  return format == Format::openmetrics
             ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
             : "text/plain; version=0.0.4";
}

std::string text(Format format) {
  std::vector<Registry::Collected> all;
  {
    auto& registry = Registry::instance();
    const auto lock = registry.lock();
    all = registry.collect();
  }
  if (format == Format::openmetrics) {
    OpenMetrics out;
    for (const Registry::Collected& one : all) out.add(one);
    return std::move(out).take();
  }
  std::vector<prometheus::MetricFamily> families;
  for (Registry::Collected& one : all) families.push_back(std::move(one.family));
  return prometheus::TextSerializer().Serialize(families);
}

std::string text() {
  return text(Format::prometheus);
}

}  // namespace starling::metrics
