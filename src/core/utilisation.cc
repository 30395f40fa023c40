#include "core/utilisation.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/capacity_table.h"

namespace starling::core {

namespace {

constexpr std::uint64_t kBase = capacity_table::kBaseMib * 1024 * 1024;
constexpr std::uint64_t kSession = capacity_table::kSessionKib * 1024;

std::uint64_t share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : part * 100 / whole;
}

std::uint64_t share(std::chrono::nanoseconds late, std::chrono::nanoseconds slow) {
  return share(static_cast<std::uint64_t>(late.count()), static_cast<std::uint64_t>(slow.count()));
}

// What takes no more is full, however little late it is.
std::uint64_t full_or(bool full, std::uint64_t percent) {
  return full ? std::max<std::uint64_t>(100, percent) : percent;
}

}  // namespace

Capacity capacity_of(std::uint64_t cores, std::uint64_t memory,
                     const config::CapacityOptions& configured) {
  Capacity capacity{.sessions = memory > kBase ? (memory - kBase) / kSession : 0,
                    .stanzas_per_second = cores * capacity_table::kStanzasPerCore,
                    .cpu_percent = cores * 100,
                    .memory = memory};
  if (configured.sessions != 0) capacity.sessions = configured.sessions;
  if (configured.stanzas != 0) capacity.stanzas_per_second = configured.stanzas;
  return capacity;
}

Utilisation utilisation(const Usage& usage, const Capacity& capacity) {
  const std::array<std::pair<std::uint64_t, std::string_view>, 7> all{{
      {share(usage.sessions, capacity.sessions), "sessions"},
      {share(usage.stanzas_per_second, capacity.stanzas_per_second), "stanzas"},
      {share(usage.cpu_percent, capacity.cpu_percent), "cpu"},
      {share(usage.memory, capacity.memory), "memory"},
      {share(usage.loop_delay, Utilisation::kSlowLoop), "loop_delay"},
      {full_or(usage.store_crowded, share(usage.store_lag, Utilisation::kSlowStore)), "store"},
      {full_or(usage.bus_full, share(usage.bus_lag, Utilisation::kSlowBus)), "bus"},
  }};
  Utilisation most;
  for (const auto& [percent, of] : all) {
    if (percent > most.percent) most = {percent, of};
  }
  return most;
}

}  // namespace starling::core
