#include "starlingd/node_metrics.h"

#include <algorithm>
#include <utility>

#include "base/memory.h"
#include "base/version.h"
#include "starlingd/health.h"

namespace starling::starlingd {

NodeMetrics::NodeMetrics(const core::Server& server, const Loops& loops)
    : build_("starling_build_info", "Always 1: its label says which version runs",
             {{"version", std::string(kVersionText)}}, [] { return 1.0; }),
      started_("starling_start_time_seconds", "When the node was started, in seconds since 1970",
               metrics::Labels(),
               [&server] { return static_cast<double>(server.started_at_us()) / 1e6; }),
      sessions_("starling_sessions", "Sessions that are bound now", metrics::Labels(),
                [&server] { return static_cast<double>(server.session_count()); }),
      serving_("starling_serving", "1 while clients should be sent here, as /health says",
               metrics::Labels(),
               [&server] { return reason_not_to_come(server).empty() ? 1.0 : 0.0; }),
      draining_("starling_draining", "1 once the node lets its sessions go, to stop",
                metrics::Labels(), [&server] { return server.drain().begun() ? 1.0 : 0.0; }),
      allocated_("starling_allocated_memory_bytes",
                 "Memory that the program has asked for; what is resident beyond is the "
                 "allocator's, and the program itself",
                 metrics::Labels(), [] { return static_cast<double>(allocated_memory()); }) {
  for (std::size_t i = 0; i < loops.size(); ++i) {
    inboxes_.push_back(std::make_unique<metrics::Observed>(
        "starling_worker_inbox", "What others have posted to a worker and it has not begun with",
        metrics::Labels{{"worker", std::to_string(i)}},
        [loop = loops[i].get()] { return static_cast<double>(loop->posted()); }));
  }
}

void NodeMetrics::set_hosts(std::vector<std::string> hosts,
                            const std::shared_ptr<const net::TlsContext>& certificates) {
  constexpr std::size_t kMost = 100;
  const auto end_of = [certificates](const std::string& host) {
    const auto certificate = certificates->find(host);
    return certificate ? static_cast<double>(certificate->not_after()) : 0.0;
  };
  std::ranges::sort(hosts, {}, end_of);
  if (hosts.size() > kMost) hosts.resize(kMost);
  certificates_.clear();
  for (const std::string& host : hosts) {
    certificates_.push_back(std::make_unique<metrics::Observed>(
        "starling_certificate_expiry_timestamp_seconds",
        "When the host's certificate ends, in seconds since 1970; 0 if it has none",
        metrics::Labels{{"host", host}}, [end_of, host] { return end_of(host); }));
  }
}

}  // namespace starling::starlingd
