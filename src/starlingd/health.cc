#include "starlingd/health.h"

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/metrics_text.h"
#include "cluster/cluster.h"

namespace starling::starlingd {

namespace {

http::Response health(const core::Server& server, const LoadMeter& meter) {
  const std::string reason = reason_not_to_come(server);
  nlohmann::json body;
  body["status"] = reason.empty() ? "up" : "down";
  if (!reason.empty()) body["reason"] = reason;
  body["sessions"] = server.session_count();
  const core::Utilisation utilisation = meter.utilisation();
  body["utilisation"] = {{"percent", utilisation.percent}, {"of", utilisation.of}};
  if (server.cluster() != nullptr) {
    if (const auto all = meter.cluster_utilisation()) body["cluster_utilisation"] = *all;
  }
  return {.status = reason.empty() ? 200U : 503U, .body = body.dump() + "\n"};
}

// A handler that needs not wait.
http::Handler at_once(std::function<http::Response(const http::Request&)> answer) {
  return [answer = std::move(answer)](http::Request request) -> Task<http::Response> {
    co_return answer(request);
  };
}

}  // namespace

std::string reason_not_to_come(const core::Server& server) {
  if (server.drain().begun()) return "draining";
  if (server.cluster() != nullptr && !server.cluster()->serving()) return "not in its cluster";
  if (server.balance().refuses()) return "over its share";
  if (server.memory_budget().stage() != core::MemoryBudget::Stage::normal) return "short of memory";
  return "";
}

void add_health(http::Routes& routes, const core::Server& server, const LoadMeter& meter) {
  const auto get = [&](std::string path, std::string service, auto answer) {
    routes.add(std::move(path), {std::move(service), {"GET"}, at_once(std::move(answer))});
  };
  get("/health", "health",
      [&server, &meter](const http::Request&) { return health(server, meter); });
  get("/health/live", "health",
      [](const http::Request&) { return http::Response{.body = "{\"status\":\"up\"}\n"}; });
  get("/metrics", "metrics", [](const http::Request& request) {
    const auto format = metrics::format_for(request.fields.joined("Accept"));
    return http::Response{.content_type = std::string(metrics::content_type(format)),
                          .body = metrics::text(format),
                          .fields = {{"Vary", "Accept"}}};
  });
}

}  // namespace starling::starlingd
