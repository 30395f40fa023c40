#include "starlingd/http_listener.h"

#include <utility>

#include "starlingd/c2s_listener.h"

namespace starling::starlingd {

Result<std::unique_ptr<HttpListener>> HttpListener::open(
    const std::vector<net::IoLoop*>& loops,
    const std::vector<std::unique_ptr<http::HttpService>>& services,
    const std::shared_ptr<const config::Config>& config, const config::ListenOptions& listen,
    std::shared_ptr<net::TlsContext> tls) {
  std::unique_ptr<HttpListener> listener(new HttpListener());
  listener->tls_from_the_start_ = std::make_shared<Swappable<bool>>(listen.tls);
  auto sockets = net::Listener::open(
      loops, listen.ip, listen.port,
      [&services, use_tls = listener->tls_from_the_start_, tls = std::move(tls)](
          std::size_t worker, std::shared_ptr<net::SocketConnection> connection) {
        services[worker]->accept(connection);
        connection->start(*use_tls->get() ? tls : nullptr);
      },
      listener_options(*config, listen));
  if (!sockets) return std::unexpected(sockets.error());
  listener->sockets_ = std::move(*sockets);
  return listener;
}

void HttpListener::reload(const std::shared_ptr<const config::Config>& config,
                          const config::ListenOptions& listen) {
  tls_from_the_start_->set(listen.tls);
  sockets_->set_options(listener_options(*config, listen));
}

}  // namespace starling::starlingd
