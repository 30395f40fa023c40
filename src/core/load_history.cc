#include "core/load_history.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "base/log.h"
#include "base/run_on.h"
#include "cluster/cluster.h"
#include "cluster/wire.h"
#include "core/server.h"
#include "core/worker.h"

namespace starling::core {

namespace {

constexpr const char* kMap = "load-history";  // of the server's own
constexpr std::int64_t kHourUs = std::int64_t{3'600} * 1'000'000;

std::string encode(const ClusterLoad& load) {
  cluster::Encoder out;
  out.number(load.nodes).number(load.sessions).number(load.stanzas_per_second);
  out.number(load.cpu_percent).number(load.memory);
  return std::move(out).take();
}

// What cannot be read counts as nothing.
ClusterLoad decode(std::string_view text) {
  cluster::Decoder in(text);
  ClusterLoad load;
  load.nodes = in.number();
  load.sessions = in.number();
  load.stanzas_per_second = in.number();
  load.cpu_percent = in.number();
  load.memory = in.number();
  return in.bad() ? ClusterLoad() : load;
}

std::int64_t hour_of(std::string_view key) {
  std::int64_t hour = 0;
  std::from_chars(key.data(), key.data() + key.size(), hour);
  return hour;
}

void add(ClusterLoad& all, const cluster::Load& load) {
  ++all.nodes;
  all.sessions += load.sessions;
  if (!load.effort) return;
  all.stanzas_per_second += load.effort->stanzas_per_second;
  all.cpu_percent += load.effort->cpu_percent;
  all.memory += load.effort->memory;
}

}  // namespace

ClusterLoad most_of(const ClusterLoad& a, const ClusterLoad& b) {
  return {.nodes = std::max(a.nodes, b.nodes),
          .sessions = std::max(a.sessions, b.sessions),
          .stanzas_per_second = std::max(a.stanzas_per_second, b.stanzas_per_second),
          .cpu_percent = std::max(a.cpu_percent, b.cpu_percent),
          .memory = std::max(a.memory, b.memory)};
}

Task<Result<std::vector<HourOfLoad>>> LoadHistory::read(store::Store& store) {
  const auto entries = co_await store.maps().scan("", kMap);
  if (!entries) co_return std::unexpected(entries.error());
  std::vector<HourOfLoad> hours;
  for (const store::Entry& entry : *entries) {
    hours.push_back({hour_of(entry.key), decode(entry.value)});
  }
  std::ranges::sort(hours, {}, &HourOfLoad::hour);
  co_return hours;
}

Task<Duration> LoadHistory::step() {
  const TimePoint at = worker().loop().now();
  const std::int64_t hour = clock_us_() / kHourUs;
  if (!recalled_ || hour != now_.hour) {
    if (recalled_) static_cast<void>(co_await write());
    if (const auto begun = co_await begin_hour(hour); !begun) co_return kWriteEvery;
  }
  now_.most = most_of(now_.most, co_await look());
  if (at - wrote_at_ >= kWriteEvery) {
    wrote_at_ = at;
    static_cast<void>(co_await write());
  }
  co_return kLookEvery;
}

Task<ClusterLoad> LoadHistory::look() {
  ClusterLoad all;
  cluster::Cluster* const cluster = worker().server().cluster();
  if (cluster == nullptr) {
    add(all, own_());
    co_return all;
  }
  const auto status = [cluster] { return cluster->status(); };
  for (const cluster::PeerStatus& node : co_await run_on(cluster->loop(), status)) {
    if (node.load) add(all, *node.load);
  }
  co_return all;
}

// What was noted of this hour, perhaps by another node, counts; what is too old goes.
Task<Result<>> LoadHistory::begin_hour(std::int64_t hour) {
  auto& maps = worker().server().store().maps();
  const auto entries = co_await maps.scan("", kMap);
  if (!entries) co_return std::unexpected(entries.error());
  now_ = {hour, {}};
  written_ = {};
  std::vector<store::Change> old;
  for (const store::Entry& entry : *entries) {
    const std::int64_t noted = hour_of(entry.key);
    if (noted == hour) now_.most = written_ = decode(entry.value);
    if (noted < hour - kKept.count()) old.push_back({kMap, entry.key, std::nullopt});
  }
  recalled_ = true;
  if (old.empty()) co_return Result<>{};
  co_return co_await maps.apply("", std::move(old), fence());
}

Task<Result<>> LoadHistory::write() {
  if (now_.most == written_) co_return Result<>{};
  std::vector<store::Change> changes;
  changes.push_back({kMap, std::to_string(now_.hour), encode(now_.most)});
  const ClusterLoad most = now_.most;
  auto done = co_await worker().server().store().maps().apply("", std::move(changes), fence());
  if (done) written_ = most;
  co_return done;
}

}  // namespace starling::core
