#include "starlingd/load_meter.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>

#include "base/histogram.h"
#include "base/memory.h"
#include "base/processors.h"
#include "cluster/cluster.h"
#include "core/worker.h"
#include "stream/stanza_counters.h"

namespace starling::starlingd {

namespace {

constexpr std::chrono::seconds kEvery{2};

std::int64_t us_of(const timeval& time) {
  return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_usec;
}

double seconds(Duration time) {
  return std::chrono::duration<double>(time).count();
}

std::int64_t us_of(Duration time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

}  // namespace

LoadMeter::LoadMeter(core::Server& server)
    : server_(server),
      processors_(allowed_processors()),
      percent_("starling_utilisation_percent",
               "How much of what the node can do it does: that of what is fullest",
               metrics::Labels(), [this] { return static_cast<double>(utilisation().percent); }),
      cluster_percent_(
          "starling_cluster_utilisation_percent",
          "The same on average of all nodes that serve, as this one knows; 0 if none does",
          metrics::Labels(),
          [this] { return static_cast<double>(cluster_utilisation().value_or(0)); }),
      store_lag_("starling_store_lag_seconds",
                 "The longest that a write of the last 2 seconds has taken, or takes still, to "
                 "become durable",
                 metrics::Labels(), [this] { return seconds(usage().store_lag); }),
      bus_lag_("starling_bus_lag_seconds",
               "The longest that a frame waits for another node that is heard to confirm it",
               metrics::Labels(), [this] { return seconds(usage().bus_lag); }) {}

void LoadMeter::start() {
  last_ = sample();
  time_loops();
  server_.worker(0).loop().run_after(kEvery, [this] {
    look();
    start();
  });
}

// Each worker gets something to do; how late it comes to it is how late it comes to everything.
void LoadMeter::time_loops() {
  const TimePoint asked = server_.worker(0).loop().now();
  for (std::size_t i = 0; i < server_.worker_count(); ++i) {
    EventLoop& loop = server_.worker(i).loop();
    loop.post([this, &loop, asked] {
      static metrics::Histogram& delays = metrics::histogram(
          "starling_loop_delay_seconds",
          "How late a worker came to what was posted to it; each worker, every 2 seconds");
      delays.observe(loop.now() - asked);
      delay_.note(loop.now() - asked);
    });
  }
}

LoadMeter::Sample LoadMeter::sample() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return {EventLoop::current()->now(), stream::stanzas_received(),
          us_of(used.ru_utime) + us_of(used.ru_stime)};
}

void LoadMeter::look() {
  const Sample now = sample();
  const auto us = std::max<std::int64_t>(1, us_of(now.at - last_.at));
  cluster::Effort effort;
  effort.stanzas_per_second =
      (now.stanzas - last_.stanzas) * 1'000'000 / static_cast<std::uint64_t>(us);
  effort.cpu_percent = static_cast<std::uint64_t>((now.cpu_us - last_.cpu_us) * 100 / us);
  effort.memory = resident_memory();
  const cluster::Cluster* const cluster = server_.cluster();
  const core::Usage usage{
      .sessions = static_cast<std::uint64_t>(server_.session_count()),
      .stanzas_per_second = effort.stanzas_per_second,
      .cpu_percent = effort.cpu_percent,
      .memory = effort.memory,
      .loop_delay = delay_.take(),
      .store_lag = server_.store().take_lag(),
      .store_crowded = server_.store().crowded(),
      .bus_lag = cluster != nullptr ? cluster->lag() : Duration(),
      .bus_full = cluster != nullptr && cluster->any_full(),
  };
  const core::Capacity capacity =
      core::capacity_of(processors_, server_.memory_budget().max(), *configured_.get());
  const core::Utilisation utilisation = core::utilisation(usage, capacity);
  effort.utilisation = utilisation.percent;
  const std::lock_guard lock(mutex_);
  usage_ = usage;
  effort_ = effort;
  utilisation_ = utilisation;
}

cluster::Load LoadMeter::load() const {
  const std::lock_guard lock(mutex_);
  return {static_cast<std::uint64_t>(server_.session_count()), effort_};
}

core::Usage LoadMeter::usage() const {
  const std::lock_guard lock(mutex_);
  return usage_;
}

core::Utilisation LoadMeter::utilisation() const {
  const std::lock_guard lock(mutex_);
  return utilisation_;
}

std::optional<std::uint64_t> LoadMeter::cluster_utilisation() const {
  const cluster::Cluster* const cluster = server_.cluster();
  std::uint64_t sum = 0, nodes = 0;
  const auto add = [&](std::uint64_t percent) {
    sum += percent;
    ++nodes;
  };
  const bool serving = cluster == nullptr || cluster->serving();
  if (serving && !server_.drain().begun()) add(utilisation().percent);
  if (cluster != nullptr) {
    for (const cluster::Load& load : cluster->loads_elsewhere()) {
      if (load.effort) add(load.effort->utilisation);
    }
  }
  if (nodes == 0) return std::nullopt;
  return sum / nodes;
}

}  // namespace starling::starlingd
