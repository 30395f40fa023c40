#include "starlingd/http_listener.h"

#include <algorithm>
#include <utility>

#include "starlingd/c2s_listener.h"
#include "web/web.h"

namespace starling::starlingd {

HttpListener::Options HttpListener::options(const std::shared_ptr<const config::Config>& config,
                                            const config::ListenOptions& listen) const {
  bosh_sessions_->set_limits(
      {.connections = listen.max_connections, .per_address = listen.max_connections_per_address});
  auto http = std::make_shared<http::HttpOptions>();
  http->max_body = listen.max_body;
  http->patience = std::min(http->patience, listen.negotiation_timeout);
  http->services = {listen.services.begin(), listen.services.end()};
  // With the PROXY protocol the connection's own address is the client's already.
  if (!listen.use_proxy_protocol && !listen.trusted_proxies.empty()) {
    http->trusts_proxy = [listen](std::string_view text) {
      const auto address = IpAddress::parse(text);
      return address && trusts_proxy(listen, *address);
    };
  }
  // For sessions over HTTP. TLS, if any, is below them.
  stream::C2sOptions streams = c2s_options(config, listen, nullptr);
  streams.direct_tls = false;
  streams.over_http = true;
  const auto has = [&](const char* service) {
    return http->services.empty() || http->services.contains(service);
  };
  http->attachment = web::Listener{
      .streams = std::make_shared<const stream::C2sOptions>(std::move(streams)),
      .websocket = has("websocket"),
      .bosh = has("bosh"),
      .bosh_sessions = bosh_sessions_,
  };
  return {.tls = listen.tls, .http = std::move(http)};
}

Result<std::unique_ptr<HttpListener>> HttpListener::open(
    const std::vector<net::IoLoop*>& loops,
    const std::vector<std::unique_ptr<http::HttpService>>& services,
    const std::shared_ptr<const config::Config>& config, const config::ListenOptions& listen,
    std::shared_ptr<net::TlsContext> tls) {
  std::unique_ptr<HttpListener> listener(new HttpListener());
  listener->options_ = std::make_shared<Swappable<Options>>(listener->options(config, listen));
  auto sockets = net::Listener::open(
      loops, listen.ip, listen.port,
      [&services, current = listener->options_, tls = std::move(tls)](
          std::size_t worker, std::shared_ptr<net::SocketConnection> connection) {
        const auto options = current->get();
        services[worker]->accept(connection, options->http);
        connection->start(options->tls ? tls : nullptr);
      },
      listener_options(*config, listen));
  if (!sockets) return std::unexpected(sockets.error());
  listener->sockets_ = std::move(*sockets);
  return listener;
}

void HttpListener::reload(const std::shared_ptr<const config::Config>& config,
                          const config::ListenOptions& listen) {
  options_->set(options(config, listen));
  sockets_->set_options(listener_options(*config, listen));
}

}  // namespace starling::starlingd
