// What the machine's metadata service says is to become of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "cloud/aws/metadata.h"

namespace starling::cloud::aws {

struct Signals {
  // Where the group wants it: "InService", "Terminated", "Warmed:Stopped", and others, which may be
  // new ones. nullopt: no group has said.
  std::optional<std::string> target_state{};
  // A Spot instance is about to be taken away, at this time (microseconds since 1970).
  std::optional<std::int64_t> taken_at_us{};
  // It may be soon.
  bool rebalance = false;
};

// Blocking. On the metadata's loop. Errors as those of Metadata.
[[nodiscard]] Result<Signals> read_signals(Metadata& metadata);

// The time in a Spot instance's instance-action; nullopt if that is none.
[[nodiscard]] std::optional<std::int64_t> time_of_action(const std::string& json);

}  // namespace starling::cloud::aws
