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

// Its handler needs not wait.
void add(http::Routes& routes, std::string path, std::string service,
         std::function<http::Response(const http::Request&)> answer) {
  auto handler = [answer = std::move(answer)](http::Request request) -> Task<http::Response> {
    co_return answer(request);
  };
  routes.add(std::move(path), {std::move(service), {"GET"}, std::move(handler)});
}

void add_health(http::Routes& routes, std::function<http::Response(const http::Request&)> health) {
  add(routes, "/health", "health", std::move(health));
  add(routes, "/health/live", "health",
      [](const http::Request&) { return http::Response{.body = "{\"status\":\"up\"}\n"}; });
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
  add_health(routes, [&server, &meter](const http::Request&) { return health(server, meter); });
  add(routes, "/metrics", "metrics", [](const http::Request& request) {
    const auto format = metrics::format_for(request.fields.joined("Accept"));
    return http::Response{.content_type = std::string(metrics::content_type(format)),
                          .body = metrics::text(format),
                          .fields = {{"Vary", "Accept"}}};
  });
}

void add_health_at_start(http::Routes& routes) {
  add_health(routes, [](const http::Request&) {
    const nlohmann::json body{{"status", "down"}, {"reason", "starting"}, {"sessions", 0}};
    return http::Response{.status = 503, .body = body.dump() + "\n"};
  });
}

}  // namespace starling::starlingd
