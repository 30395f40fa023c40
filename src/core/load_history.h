// LoadHistory: how much the cluster as a whole had to do at most in each hour of the last weeks:
// what `starlingctl advise` reckons from (advice.h).
//
// One node watches for all (duty.h), looks every few seconds and writes what is a new maximum, so
// a change of the node loses a minute at most.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "cluster/load.h"
#include "core/duty.h"
#include "store/store.h"

namespace starling::core {

// Of all nodes together.
struct ClusterLoad {
  std::uint64_t nodes = 0;
  std::uint64_t sessions = 0;
  std::uint64_t stanzas_per_second = 0;
  std::uint64_t cpu_percent = 0;  // of one core
  std::uint64_t memory = 0;       // bytes

  bool operator==(const ClusterLoad&) const = default;
};
// The greater of each figure.
[[nodiscard]] ClusterLoad most_of(const ClusterLoad& a, const ClusterLoad& b);

struct HourOfLoad {
  std::int64_t hour = 0;  // hours since 1970, of the database's clock
  ClusterLoad most;
};

class LoadHistory final : public Duty {
 public:
  static constexpr std::string_view kLease = "load-history";
  static constexpr std::chrono::seconds kLookEvery{10};
  static constexpr std::chrono::minutes kWriteEvery{1};
  static constexpr std::chrono::hours kKept{24 * 35};

  // `own` is this node's load now, `clock_us` the time since 1970; called on the worker's thread.
  LoadHistory(Worker& worker, std::function<cluster::Load()> own,
              std::function<std::int64_t()> clock_us)
      : Duty(worker, kLookEvery), own_(std::move(own)), clock_us_(std::move(clock_us)) {}

  // All hours that are known, in their order; those without a node that ran are missing.
  static Task<Result<std::vector<HourOfLoad>>> read(store::Store& store);

 private:
  void begun() override { recalled_ = false; }
  Task<Duration> step() override;
  Task<ClusterLoad> look();
  Task<Result<>> begin_hour(std::int64_t hour);
  Task<Result<>> write();

  const std::function<cluster::Load()> own_;
  const std::function<std::int64_t()> clock_us_;
  bool recalled_ = false;
  HourOfLoad now_;
  ClusterLoad written_;
  TimePoint wrote_at_{};
};

}  // namespace starling::core
