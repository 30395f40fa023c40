#include "core/utilisation.h"

#include <array>
#include <utility>

namespace starling::core {

namespace {

// What the program takes before anybody comes.
constexpr std::uint64_t kBase = std::uint64_t{64} * 1024 * 1024;
// An idle session with TLS (16.6 KiB, and 4 KiB of the kernel's), and as much again for what it
// does at times.
constexpr std::uint64_t kSession = std::uint64_t{40} * 1024;
// A message that is archived, over TLS: 40 µs.
constexpr std::uint64_t kStanzasPerCore = 25'000;

std::uint64_t share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : part * 100 / whole;
}

}  // namespace

Capacity capacity_of(std::uint64_t cores, std::uint64_t memory) {
  return {.sessions = memory > kBase ? (memory - kBase) / kSession : 0,
          .stanzas_per_second = cores * kStanzasPerCore,
          .cpu_percent = cores * 100,
          .memory = memory};
}

Utilisation utilisation(const Usage& usage, const Capacity& capacity) {
  const auto slow = static_cast<std::uint64_t>(Utilisation::kSlowLoop.count());
  const auto delay = static_cast<std::uint64_t>(usage.loop_delay.count());
  const std::array<std::pair<std::uint64_t, std::string_view>, 7> all{{
      {share(usage.sessions, capacity.sessions), "sessions"},
      {share(usage.stanzas_per_second, capacity.stanzas_per_second), "stanzas"},
      {share(usage.cpu_percent, capacity.cpu_percent), "cpu"},
      {share(usage.memory, capacity.memory), "memory"},
      {share(delay, slow), "loop_delay"},
      {usage.store_crowded ? 100 : 0, "store"},
      {usage.bus_full ? 100 : 0, "bus"},
  }};
  Utilisation most;
  for (const auto& [percent, of] : all) {
    if (percent > most.percent) most = {percent, of};
  }
  return most;
}

}  // namespace starling::core
