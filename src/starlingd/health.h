// Health: what a load balancer, or whoever else sends clients here, asks the node over HTTP.
#pragma once

#include <string>

#include "core/server.h"
#include "http/http_service.h"
#include "starlingd/load_meter.h"

namespace starling::starlingd {

// Why clients should not be sent here; "" if they should. On any thread.
[[nodiscard]] std::string reason_not_to_come(const core::Server& server);

// /health: 200 if clients should be sent here, 503 with the reason if not. /health/live: 200 as
// long as the process answers. /metrics: for Prometheus. On any worker's loop.
void add_health(http::Routes& routes, const core::Server& server, const LoadMeter& meter);
// The first two while the node starts: 503, and 200. On any loop.
void add_health_at_start(http::Routes& routes);

}  // namespace starling::starlingd
