// Advice: how many nodes of which size a load asks for.
//
// The load is what is served at the peak; so many nodes that none is more than `target` per cent
// utilised then, and that the others bear it when one of them dies.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/load_history.h"
#include "core/utilisation.h"

namespace starling::core {

struct NodeSize {
  std::uint64_t cores = 0;
  std::uint64_t memory_gib = 0;
};

struct SizedGroup {
  NodeSize size;
  std::uint64_t nodes = 0;    // at the peak
  std::uint64_t minimum = 0;  // of the group
  std::uint64_t maximum = 0;
  std::string_view limit = "sessions";  // what it takes most nodes for
};

// A group is scaled so that its nodes are this utilised on average.
inline constexpr std::uint64_t kTargetPercent = 60;
// What nodes may come to while one is missing.
inline constexpr std::uint64_t kWithoutOnePercent = 90;

// For groups of nodes of one size each. `quiet` is the load when least is to do; figures that are 0
// are not known and not counted. A group has two nodes at least, so that one may die. All are
// configured alike: what `configured` says a node can do, one of each size can.
[[nodiscard]] SizedGroup advise(NodeSize size, const ClusterLoad& peak, const ClusterLoad& quiet,
                                const config::CapacityOptions& configured = {});

// Of the sizes that clouds have.
[[nodiscard]] std::span<const NodeSize> usual_sizes();

// What so many accounts come to, if `online_percent` of them have a session at the peak.
struct Assumptions {
  std::uint64_t online_percent = 25;
  double sessions_per_user = 1.3;         // of those who are online: phone and desk
  double stanzas_per_session = 1.0 / 20;  // a second, at the busiest
};
[[nodiscard]] ClusterLoad planned_load(std::uint64_t users, const Assumptions& assumptions);

// The greatest of all hours; and the least of those of the last week in which somebody was there.
struct PeakAndQuiet {
  ClusterLoad peak;
  ClusterLoad quiet;
  std::int64_t peak_hour = 0;  // of the sessions
};
[[nodiscard]] PeakAndQuiet peak_and_quiet(std::span<const HourOfLoad> hours);

}  // namespace starling::core
