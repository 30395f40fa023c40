// NodeMetrics: what a node tells of itself as a whole, as metrics: what it is, whether it serves,
// how long its certificates last, what waits and how much memory is in use.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "core/server.h"
#include "net/io_loop.h"
#include "net/tls.h"

namespace starling::starlingd {

class NodeMetrics {
 public:
  using Loops = std::vector<std::unique_ptr<net::IoLoop>>;

  // `server` and `loops` outlive it.
  NodeMetrics(const core::Server& server, const Loops& loops);

  // The hosts that are served, and the certificates, from now on. Of very many hosts those are
  // shown whose certificates end first.
  void set_hosts(std::vector<std::string> hosts,
                 const std::shared_ptr<const net::TlsContext>& certificates);

 private:
  metrics::Observed build_;
  metrics::Observed started_;
  metrics::Observed sessions_;
  metrics::Observed serving_;
  metrics::Observed draining_;
  metrics::Observed allocated_;
  std::vector<std::unique_ptr<metrics::Observed>> inboxes_;
  std::vector<std::unique_ptr<metrics::Observed>> certificates_;
};

}  // namespace starling::starlingd
