// LoadMeter: what this node has to do, and how much of what it could that is.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>

#include "base/event_loop.h"
#include "base/metrics.h"
#include "base/peak.h"
#include "base/swappable.h"
#include "cluster/load.h"
#include "config/options.h"
#include "core/server.h"
#include "core/utilisation.h"

namespace starling::starlingd {

class LoadMeter {
 public:
  explicit LoadMeter(core::Server& server);

  // Any thread, at any time.
  void set_capacity(const config::CapacityOptions& options) { configured_.set(options); }
  // Begins. On the first worker's thread, once; it ends with that loop.
  void start();

  // Of the last seconds. Any thread.
  [[nodiscard]] cluster::Load load() const;
  [[nodiscard]] core::Utilisation utilisation() const;
  // Of all nodes that serve, on average, in per cent; nullopt: none does, as far as this one sees.
  [[nodiscard]] std::optional<std::uint64_t> cluster_utilisation() const;

 private:
  struct Sample {
    TimePoint at{};
    std::uint64_t stanzas = 0;
    std::int64_t cpu_us = 0;
  };
  static Sample sample();
  void look();
  void time_loops();
  [[nodiscard]] core::Usage usage() const;

  core::Server& server_;
  const std::uint64_t processors_;
  Swappable<config::CapacityOptions> configured_{config::CapacityOptions()};
  Sample last_;               // on the first worker's thread
  Peak delay_;                // of the loops
  mutable std::mutex mutex_;  // guards what follows, to the blank line
  core::Usage usage_;
  cluster::Effort effort_;
  core::Utilisation utilisation_;

  metrics::Observed percent_;  // last, these: they ask for what is above
  metrics::Observed cluster_percent_;
  metrics::Observed store_lag_;
  metrics::Observed bus_lag_;
};

}  // namespace starling::starlingd
