#include "core/advice.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "core/memory_budget.h"

namespace starling::core {

namespace {

constexpr std::int64_t kHoursOfAWeek = 7 * 24;
// As much again as the highest peak: for the day when everybody comes.
constexpr std::uint64_t kHeadroom = 2;

std::uint64_t divide_up(std::uint64_t what, std::uint64_t by) {
  return by == 0 ? 0 : (what + by - 1) / by;
}

// So many that each does no more than `percent` of what it can, and which figure says so.
std::pair<std::uint64_t, std::string_view> nodes_for(const ClusterLoad& load, const Capacity& one,
                                                     std::uint64_t percent) {
  const std::array<std::pair<std::uint64_t, std::string_view>, 4> all{{
      {divide_up(load.sessions * 100, one.sessions * percent), "sessions"},
      {divide_up(load.stanzas_per_second * 100, one.stanzas_per_second * percent), "stanzas"},
      {divide_up(load.cpu_percent * 100, one.cpu_percent * percent), "cpu"},
      {divide_up(load.memory * 100, one.memory * percent), "memory"},
  }};
  return *std::ranges::max_element(all, {}, &std::pair<std::uint64_t, std::string_view>::first);
}

}  // namespace

SizedGroup advise(NodeSize size, const ClusterLoad& peak, const ClusterLoad& quiet,
                  const config::CapacityOptions& configured) {
  constexpr std::uint64_t kGiB = std::uint64_t{1} << 30U;
  const Capacity one =
      capacity_of(size.cores, MemoryBudget::share_of(size.memory_gib * kGiB), configured);
  const auto count = [&one](const ClusterLoad& load) {
    return std::max(nodes_for(load, one, kTargetPercent).first,
                    nodes_for(load, one, kWithoutOnePercent).first + 1);
  };
  SizedGroup group{.size = size, .limit = nodes_for(peak, one, kTargetPercent).second};
  group.nodes = std::max<std::uint64_t>(2, count(peak));
  group.minimum = std::clamp<std::uint64_t>(count(quiet), 2, group.nodes);
  group.maximum = group.nodes * kHeadroom;
  return group;
}

std::span<const NodeSize> usual_sizes() {
  static constexpr std::array<NodeSize, 7> kSizes{
      {{1, 2}, {2, 4}, {2, 8}, {2, 16}, {4, 16}, {8, 32}, {16, 64}}};
  return kSizes;
}

ClusterLoad planned_load(std::uint64_t users, const Assumptions& assumptions) {
  const double sessions = static_cast<double>(users) *
                          static_cast<double>(assumptions.online_percent) / 100 *
                          assumptions.sessions_per_user;
  return {.sessions = static_cast<std::uint64_t>(std::ceil(sessions)),
          .stanzas_per_second =
              static_cast<std::uint64_t>(std::ceil(sessions * assumptions.stanzas_per_session))};
}

PeakAndQuiet peak_and_quiet(std::span<const HourOfLoad> hours) {
  PeakAndQuiet found;
  const std::int64_t last = hours.empty() ? 0 : hours.back().hour;
  bool first = true;
  for (const HourOfLoad& hour : hours) {
    if (hour.most.sessions > found.peak.sessions) found.peak_hour = hour.hour;
    found.peak = most_of(found.peak, hour.most);
    if (hour.hour <= last - kHoursOfAWeek) continue;
    if (first || hour.most.sessions < found.quiet.sessions) found.quiet = hour.most;
    first = false;
  }
  return found;
}

}  // namespace starling::core
