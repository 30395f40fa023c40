// Load: what a node has to do, as it tells the others.
#pragma once

#include <cstdint>
#include <optional>

namespace starling::cluster {

struct Effort {
  std::uint64_t stanzas_per_second = 0;  // that clients sent it
  std::uint64_t cpu_percent = 0;         // of one core; of two that are busy 200
  std::uint64_t memory = 0;              // bytes that are resident
  std::uint64_t utilisation = 0;         // per cent (core/utilisation.h)
};

struct Load {
  std::uint64_t sessions = 0;    // connected to it
  std::optional<Effort> effort;  // nullopt: its version does not tell
};

}  // namespace starling::cluster
