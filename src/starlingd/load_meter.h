// LoadMeter: what this node has to do, as it tells the others of its cluster (cluster/load.h).
#pragma once

#include <cstdint>

#include "base/event_loop.h"
#include "cluster/load.h"
#include "core/server.h"

namespace starling::starlingd {

class LoadMeter {
 public:
  explicit LoadMeter(const core::Server& server) : server_(server) {}

  // Rates are those of the last seconds. On one loop.
  [[nodiscard]] cluster::Load load();

 private:
  struct Sample {
    TimePoint at{};
    std::uint64_t stanzas = 0;
    std::int64_t cpu_us = 0;
  };
  static Sample sample();

  const core::Server& server_;
  Sample last_;
  cluster::Effort effort_;
};

}  // namespace starling::starlingd
