#include "web/web.h"

#include <any>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "http/websocket.h"
#include "web/bosh.h"
#include "web/host_meta.h"
#include "web/websocket_connection.h"
#include "xmpp/jid.h"

namespace starling::web {

namespace {

using Services = std::vector<std::unique_ptr<stream::C2sService>>;

// A message may have the declarations of a stream header on top of what a stanza may have.
constexpr std::size_t kAboveStanza = 1'024;

Listener listener_of(const http::Request& request) {
  if (const auto* listener = std::any_cast<Listener>(&request.attachment)) return *listener;
  return {.streams = std::make_shared<const stream::C2sOptions>()};
}

// That of the worker whose loop this is.
stream::C2sService& service_here(const Services& services) {
  for (const auto& service : services) {
    if (&service->worker().loop() == EventLoop::current()) return *service;
  }
  return *services.front();
}

http::Response websocket(const http::Request& request, const Services& services) {
  http::Response response = http::websocket_answer(request, "xmpp");
  if (response.status != 101) return response;
  const auto streams = listener_of(request).streams;
  WebSocketOptions options{
      .remote_address = request.remote,
      .secure = request.is_private(),
      .max_before_auth = streams->limits_before_auth.max_stanza_bytes + kAboveStanza,
      .max_message = streams->limits.max_stanza_bytes + kAboveStanza,
  };
  response.take_over = [&services, streams, options = std::move(options)](
                           std::shared_ptr<net::Connection> below, std::string_view rest) {
    const auto connection =
        std::make_shared<WebSocketConnection>(std::move(below), std::move(options));
    service_here(services).accept(connection, streams);
    connection->start(rest);
  };
  return response;
}

// The host that is asked for, if it is one of ours; else the first.
http::Response chat_config(const http::Request& request, const core::Server& server) {
  const std::string_view field = request.fields.get("Host");
  const auto name = xmpp::prepare_domain(field.substr(0, field.rfind(':')));
  const bool served = name && server.host(*name) != nullptr;
  const std::string domain = served ? *name : server.host_names().front();
  return {.body = nlohmann::json{{"domain", domain}}.dump()};
}

// A handler that needs not wait.
http::Handler at_once(std::function<http::Response(const http::Request&)> answer) {
  return [answer = std::move(answer)](http::Request request) -> Task<http::Response> {
    co_return answer(request);
  };
}

}  // namespace

void add_routes(http::Routes& routes, core::Server& server, const Services& services) {
  const auto get = [&](std::string path, std::string service, auto answer) {
    routes.add(std::move(path), {std::move(service), {"GET"}, at_once(std::move(answer))});
  };
  get("/ws", "websocket",
      [&services](const http::Request& request) { return websocket(request, services); });
  routes.add("/bosh", {"bosh",
                       {"POST", "OPTIONS"},
                       [&services, bosh = std::make_shared<Bosh>()](http::Request request) {
                         const Listener listener = listener_of(request);
                         return bosh->answer(std::move(request), listener, service_here(services));
                       }});
  get("/.well-known/host-meta", "host_meta",
      [](const http::Request& request) { return host_meta(request, listener_of(request)); });
  get("/.well-known/host-meta.json", "host_meta",
      [](const http::Request& request) { return host_meta_json(request, listener_of(request)); });
  get("/chat/config.json", "chat",
      [&server](const http::Request& request) { return chat_config(request, server); });
}

}  // namespace starling::web
