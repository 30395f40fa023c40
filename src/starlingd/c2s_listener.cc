#include "starlingd/c2s_listener.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

namespace starling::starlingd {

namespace {

// The shaper of that name; or the one which the shaper rule of that name, of the user's host, says.
// nullptr: none, so nothing is delayed.
std::shared_ptr<const config::Shaper> shaper_for(std::shared_ptr<const config::Config> config,
                                                 std::string_view name,
                                                 const config::Subject& who) {
  name = config->of_host(who.jid->domain()).access.shaper_value(name, who).value_or(name);
  const auto found = config->shapers.find(name);
  if (found == config->shapers.end()) return nullptr;
  return {std::move(config), &found->second};
}

template <class To, class From>
To at_most(From value) {
  return static_cast<To>(std::min<From>(value, std::numeric_limits<To>::max()));
}

}  // namespace

stream::C2sOptions c2s_options(std::shared_ptr<const config::Config> config,
                               const config::ListenOptions& listen,
                               std::shared_ptr<net::TlsContext> tls) {
  stream::C2sOptions options;
  options.tls = std::move(tls);
  options.direct_tls = listen.tls;
  options.starttls_required = listen.starttls_required;
  options.access = listen.access;
  options.limits = {.max_stanza_bytes = listen.max_stanza_size,
                    .max_depth = at_most<std::uint16_t>(listen.max_depth),
                    .max_attributes = at_most<std::uint16_t>(listen.max_attributes),
                    .max_elements = listen.max_elements};
  options.limits_before_auth.max_stanza_bytes =
      std::min(listen.max_stanza_size_before_auth, listen.max_stanza_size);
  options.max_auth_failures = at_most<int>(listen.max_auth_failures);
  options.negotiation_timeout = listen.negotiation_timeout;
  options.max_queued_bytes = listen.max_queued_bytes;
  options.shaper = [config = std::move(config), name = listen.shaper](const config::Subject& who) {
    return shaper_for(config, name, who);
  };
  return options;
}

bool trusts_proxy(const config::ListenOptions& listen, const IpAddress& address) {
  return listen.trusted_proxies.empty() ||
         std::ranges::any_of(listen.trusted_proxies,
                             [&](const config::IpRange& range) { return range.contains(address); });
}

net::ListenerOptions listener_options(const config::Config& config,
                                      const config::ListenOptions& listen) {
  net::ListenerOptions options;
  options.connections = {.connections = listen.max_connections,
                         .per_address = listen.max_connections_per_address};
  options.reserved_files = config.reserved_files;
  options.proxy_protocol = listen.use_proxy_protocol;
  if (!listen.trusted_proxies.empty()) {
    options.trusts_proxy = [listen](const auto& remote) {
      const auto address = IpAddress::parse(remote.to_string());
      return address && trusts_proxy(listen, *address);
    };
  }
  return options;
}

Result<std::unique_ptr<C2sListener>> C2sListener::open(
    const std::vector<net::IoLoop*>& loops,
    const std::vector<std::unique_ptr<stream::C2sService>>& services,
    std::shared_ptr<const config::Config> config, const config::ListenOptions& listen,
    std::shared_ptr<net::TlsContext> tls) {
  std::unique_ptr<C2sListener> listener(new C2sListener(std::move(tls)));
  listener->options_ = std::make_shared<Options>(c2s_options(config, listen, listener->tls_));
  auto sockets = net::Listener::open(
      loops, listen.ip, listen.port,
      [&services, current = listener->options_](std::size_t worker,
                                                std::shared_ptr<net::SocketConnection> connection) {
        const auto options = current->get();
        services[worker]->accept(connection, options);
        connection->start(options->direct_tls ? options->tls : nullptr);
      },
      listener_options(*config, listen));
  if (!sockets) return std::unexpected(sockets.error());
  listener->sockets_ = std::move(*sockets);
  return listener;
}

void C2sListener::reload(const std::shared_ptr<const config::Config>& config,
                         const config::ListenOptions& listen) {
  options_->set(c2s_options(config, listen, tls_));
  sockets_->set_options(listener_options(*config, listen));
}

}  // namespace starling::starlingd
