// Rendezvous hashing: each of the nodes has a weight for a name, and the heaviest is its place. All
// who see the same nodes come to the same; a node that joins or goes moves only its own share.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "bus/bus.h"

namespace starling::cluster {

[[nodiscard]] inline std::uint64_t weight(std::string_view name, bus::NodeId node) {
  std::uint64_t h = std::hash<std::string_view>{}(name) ^ (node * 0x9E3779B97F4A7C15ULL);
  h = (h ^ (h >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  h = (h ^ (h >> 27U)) * 0x94D049BB133111EBULL;
  return h ^ (h >> 31U);
}

}  // namespace starling::cluster
