// Utilisation: how much of what a node can do it does, as one figure: what a group of nodes is made
// larger or smaller by.
//
// Each thing that can run out is measured against what the node has of it; the fullest counts. 100
// means that users notice soon: scale at 60 to 70.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "config/options.h"

namespace starling::core {

// What a node of its size can do at most.
struct Capacity {
  std::uint64_t sessions = 0;
  std::uint64_t stanzas_per_second = 0;  // that clients send
  std::uint64_t cpu_percent = 0;         // of one core: of two cores 200
  std::uint64_t memory = 0;              // bytes
};

// By the table in core/capacity_table.h, for so many cores and bytes. What is configured counts
// instead.
[[nodiscard]] Capacity capacity_of(std::uint64_t cores, std::uint64_t memory,
                                   const config::CapacityOptions& configured = {});

// What it does.
struct Usage {
  std::uint64_t sessions = 0;
  std::uint64_t stanzas_per_second = 0;
  std::uint64_t cpu_percent = 0;
  std::uint64_t memory = 0;
  std::chrono::nanoseconds loop_delay{0};  // until a worker gets round to what it is told
  std::chrono::nanoseconds store_lag{0};   // until what it was given is durable
  bool store_crowded = false;              // Store::crowded()
  std::chrono::nanoseconds bus_lag{0};     // until another node has what is for it
  bool bus_full = false;                   // another node does not take what is for it
};

struct Utilisation {
  std::uint64_t percent = 0;
  std::string_view of = "sessions";  // what is fullest

  // How late a worker's loop, the store and the bus are at 100 per cent. All of a client's stanzas
  // wait for the first, only its acknowledgements and what is for other nodes for the others.
  static constexpr std::chrono::milliseconds kSlowLoop{250};
  // A disk that is slow once is not busy: where it cannot keep up, what waits grows by itself.
  static constexpr std::chrono::milliseconds kSlowStore{5'000};
  static constexpr std::chrono::milliseconds kSlowBus{5'000};
};

[[nodiscard]] Utilisation utilisation(const Usage& usage, const Capacity& capacity);

}  // namespace starling::core
