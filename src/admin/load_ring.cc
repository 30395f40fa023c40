#include "admin/load_ring.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace starling::admin {

namespace {

using Json = nlohmann::ordered_json;

struct Figure {
  const char* name;
  std::uint64_t LoadSample::* of;
  bool mean = false;  // of nodes; else their sum
};
constexpr std::array<Figure, 5> kFigures{{
    {"sessions", &LoadSample::sessions},
    {"messages_per_second", &LoadSample::messages_per_second},
    {"utilisation", &LoadSample::utilisation, true},
    {"cpu", &LoadSample::cpu},
    {"memory", &LoadSample::memory},
}};

std::size_t place_of(std::int64_t step) {
  return static_cast<std::size_t>(step) % LoadRing::kSteps;
}

// Another node may say what it likes.
bool is_series(const Json& node) {
  if (!node.is_object() || !node.contains("from") || !node["from"].is_number_integer())
    return false;
  return std::ranges::all_of(kFigures, [&](const Figure& figure) {
    const auto found = node.find(figure.name);
    return found != node.end() && found->is_array() && found->size() <= LoadRing::kSteps;
  });
}

// The step after its newest.
std::int64_t end_of(const Json& series) {
  return series["from"].get<std::int64_t>() + static_cast<std::int64_t>(series["sessions"].size());
}

Json add_up(const std::vector<Json>& nodes, const Figure& figure, std::int64_t from,
            std::size_t steps) {
  std::vector<std::uint64_t> sums(steps);
  std::vector<std::uint64_t> counts(steps);
  for (const Json& node : nodes) {
    if (!is_series(node)) continue;
    std::int64_t step = node["from"].get<std::int64_t>();
    for (const Json& value : node[figure.name]) {
      const std::int64_t at = step++ - from;
      if (!value.is_number_unsigned() || at < 0 || std::cmp_greater_equal(at, steps)) continue;
      sums[static_cast<std::size_t>(at)] += value.get<std::uint64_t>();
      ++counts[static_cast<std::size_t>(at)];
    }
  }
  Json values = Json::array();
  for (std::size_t i = 0; i < steps; ++i) {
    values.push_back(counts[i] == 0 ? Json() : Json(figure.mean ? sums[i] / counts[i] : sums[i]));
  }
  return values;
}

}  // namespace

void LoadRing::add(std::int64_t step, const LoadSample& sample) {
  if (step < newest_) return;
  if (first_ == 0) first_ = step;
  // What lies between was not noted, and what stands in its place is of an hour ago.
  const std::int64_t since = std::max(newest_ + 1, step - static_cast<std::int64_t>(kSteps) + 1);
  for (std::int64_t between = newest_ == 0 ? step : since; between < step; ++between) {
    samples_[place_of(between)].reset();
  }
  samples_[place_of(step)] = sample;
  newest_ = step;
}

Json LoadRing::series() const {
  Json all = Json::object();
  const std::int64_t from = std::max(first_, newest_ - static_cast<std::int64_t>(kSteps) + 1);
  all["from"] = from;
  for (const Figure& figure : kFigures) {
    Json values = Json::array();
    for (std::int64_t step = from; first_ != 0 && step <= newest_; ++step) {
      const auto& sample = samples_[place_of(step)];
      values.push_back(sample ? Json((*sample).*figure.of) : Json());
    }
    all[figure.name] = std::move(values);
  }
  return all;
}

Json add_up(const std::vector<Json>& nodes) {
  std::int64_t from = 0;
  std::int64_t end = 0;
  for (const Json& node : nodes) {
    if (!is_series(node) || node["sessions"].empty()) continue;
    const auto begin = node["from"].get<std::int64_t>();
    from = from == 0 ? begin : std::min(from, begin);
    end = std::max(end, end_of(node));
  }
  // Nodes note the same step a moment after one another: what one has not noted yet would look like
  // a fall of the whole. A node that is further behind has gone, and is not waited for.
  const bool newest_is_half = std::ranges::any_of(
      nodes, [&](const Json& node) { return is_series(node) && end_of(node) == end - 1; });
  if (newest_is_half) --end;
  from = std::max(from, end - static_cast<std::int64_t>(LoadRing::kSteps));
  Json all = Json::object();
  all["from"] = from;
  for (const Figure& figure : kFigures) {
    all[figure.name] = add_up(nodes, figure, from, static_cast<std::size_t>(end - from));
  }
  return all;
}

}  // namespace starling::admin
