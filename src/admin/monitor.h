// Monitor: what a node remembers of itself for its operators: the load of the last hour, what has
// happened in the cluster, what the doctor found last.
//
// Begins on the loop of worker 0; outlives its last turn. The rest on any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "admin/cluster_timeline.h"
#include "admin/doctor/facts.h"
#include "admin/load_ring.h"
#include "base/result.h"
#include "base/task.h"
#include "cluster/load.h"
#include "core/server.h"

namespace starling::admin {

class Monitor {
 public:
  struct Parts {
    std::function<cluster::Load()> load;           // now; any thread
    std::function<std::uint64_t()> messages;       // that clients have sent, ever; any thread
    std::function<Task<doctor::Facts>()> facts{};  // on worker 0
  };
  Monitor(core::Server& server, Parts parts) : server_(server), parts_(std::move(parts)) {}
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  void start();

  // Now; messages a second on average of the last ten seconds.
  [[nodiscard]] LoadSample load() const;
  [[nodiscard]] nlohmann::ordered_json series() const;  // LoadRing::series()
  [[nodiscard]] nlohmann::ordered_json events() const;  // ClusterTimeline::events()
  // [{"severity": "warning" or "error", "text": ...}]: what the doctor found when he looked last.
  // He takes his time, so he comes when he is asked for and was not there for some minutes, and the
  // answer is that of before.
  [[nodiscard]] nlohmann::ordered_json alerts();

  // Of the host; as many as there were within the last half minute, since counting takes long where
  // there are many. On worker 0. Errors: unavailable.
  Task<Result<std::uint64_t>> account_count(std::string host);

 private:
  void note_load();
  Task<void> note_events();
  Task<void> examine();

  core::Server& server_;
  const Parts parts_;
  std::uint64_t messages_ = 0;  // when they were looked at last, on worker 0; and when that was
  TimePoint messages_at_{};
  struct Counted {
    std::uint64_t accounts = 0;
    TimePoint at{};
  };
  std::map<std::string, Counted> counts_;  // on worker 0
  mutable std::mutex mutex_;               // guards what follows
  std::uint64_t messages_per_second_ = 0;
  LoadRing ring_;
  ClusterTimeline timeline_;
  nlohmann::ordered_json alerts_ = nlohmann::ordered_json::array();
  bool examining_ = false;
  std::int64_t examined_us_ = 0;
};

}  // namespace starling::admin
