#include "admin/monitor.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "admin/doctor/checks.h"
#include "base/clock.h"
#include "base/run_on.h"
#include "cluster/cluster.h"

namespace starling::admin {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::chrono::seconds kEvery{1};
constexpr std::chrono::seconds kCountHolds{30};
constexpr std::int64_t kFindingsHoldUs = 300'000'000;

}  // namespace

void Monitor::start() {
  if (messages_at_ == TimePoint{}) {
    messages_ = parts_.messages();
    messages_at_ = server_.worker(0).loop().now();
    note_load();
  }
  server_.worker(0).gate().spawn(note_events());
  server_.worker(0).loop().run_after(kEvery, [this] {
    note_load();
    start();
  });
}

void Monitor::note_load() {
  const TimePoint now = server_.worker(0).loop().now();
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(now - messages_at_);
  constexpr std::chrono::milliseconds kStep = std::chrono::seconds(LoadRing::kStepSeconds);
  if (since >= kStep) {
    const std::uint64_t sent = parts_.messages();
    const std::uint64_t rate =
        (sent - messages_) * 1'000 / static_cast<std::uint64_t>(since.count());
    messages_ = sent;
    messages_at_ = now;
    const std::lock_guard lock(mutex_);
    messages_per_second_ = rate;
  }
  const LoadSample sample = load();
  if (sample.memory == 0) return;  // nothing was measured yet
  const std::int64_t step = LoadRing::step_of(server_.clock_us(now));
  const std::lock_guard lock(mutex_);
  ring_.add(step, sample);
}

Task<void> Monitor::note_events() {
  cluster::Cluster* const all = server_.cluster();
  if (all == nullptr) co_return;
  const auto look = [all] {
    return ClusterTimeline::Seen{.members = all->status(), .leases = all->leases().known()};
  };
  const auto seen = co_await run_on(all->loop(), look);
  const std::int64_t now_us = server_.clock_us(server_.worker(0).loop().now());
  const std::lock_guard lock(mutex_);
  timeline_.look(now_us, seen);
}

LoadSample Monitor::load() const {
  const cluster::Load load = parts_.load();
  const cluster::Effort effort = load.effort.value_or(cluster::Effort{});
  const std::lock_guard lock(mutex_);
  return {.sessions = load.sessions,
          .messages_per_second = messages_per_second_,
          .utilisation = effort.utilisation,
          .cpu = effort.cpu_percent,
          .memory = effort.memory};
}

Json Monitor::series() const {
  const std::lock_guard lock(mutex_);
  return ring_.series();
}

Json Monitor::events() const {
  const std::lock_guard lock(mutex_);
  return timeline_.events();
}

Json Monitor::alerts() {
  const std::lock_guard lock(mutex_);
  const bool stale = examined_us_ == 0 || wall_clock_us() - examined_us_ > kFindingsHoldUs;
  if (parts_.facts && stale && !std::exchange(examining_, true)) {
    server_.worker(0).loop().post([this] { server_.worker(0).gate().spawn(examine()); });
  }
  return alerts_;
}

Task<void> Monitor::examine() {
  const doctor::Facts facts = co_await parts_.facts();
  Json alerts = Json::array();
  for (const auto& finding : doctor::examine(facts)) {
    if (finding.state == doctor::State::ok) continue;
    alerts.push_back(
        {{"severity", finding.state == doctor::State::error ? "error" : "warning"},
         {"text", finding.what + (finding.advice.empty() ? "" : " (" + finding.advice + ")")}});
  }
  const std::lock_guard lock(mutex_);
  alerts_ = std::move(alerts);
  examining_ = false;
  examined_us_ = wall_clock_us();
}

Task<Result<std::uint64_t>> Monitor::account_count(std::string host) {
  const TimePoint now = server_.worker(0).loop().now();
  const auto known = counts_.find(host);
  if (known != counts_.end() && now - known->second.at < kCountHolds) {
    co_return known->second.accounts;
  }
  const auto count = co_await server_.store().accounts().count(host);
  if (!count) co_return std::unexpected(count.error());
  counts_[host] = {*count, now};
  co_return *count;
}

}  // namespace starling::admin
