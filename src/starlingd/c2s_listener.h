// C2sListener: one entry of `listen` for clients: its sockets, and what the streams above them are
// told. A reload changes both for the connections that come from then on.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "base/swappable.h"
#include "config/config.h"
#include "net/io_loop.h"
#include "net/listener.h"
#include "net/tls.h"
#include "starlingd/door.h"
#include "stream/c2s_options.h"
#include "stream/c2s_service.h"

namespace starling::starlingd {

// The streams keep `config` for as long as they need it.
stream::C2sOptions c2s_options(std::shared_ptr<const config::Config> config,
                               const config::ListenOptions& listen,
                               std::shared_ptr<net::TlsContext> tls);
net::ListenerOptions listener_options(const config::Config& config,
                                      const config::ListenOptions& listen);
// Whether a PROXY header from this address is believed.
bool trusts_proxy(const config::ListenOptions& listen, const IpAddress& address);

class C2sListener final : public Door {
 public:
  // `services` is by worker, as `loops`, and must outlive what is accepted. Errors: of
  // net::Listener::open.
  static Result<std::unique_ptr<C2sListener>> open(
      const std::vector<net::IoLoop*>& loops,
      const std::vector<std::unique_ptr<stream::C2sService>>& services,
      std::shared_ptr<const config::Config> config, const config::ListenOptions& listen,
      std::shared_ptr<net::TlsContext> tls);

  void reload(const std::shared_ptr<const config::Config>& config,
              const config::ListenOptions& listen) override;
  [[nodiscard]] std::uint16_t port() const override { return sockets_->port(); }
  void close() override { sockets_->close(); }

 private:
  using Options = Swappable<stream::C2sOptions>;

  explicit C2sListener(std::shared_ptr<net::TlsContext> tls) : tls_(std::move(tls)) {}

  std::shared_ptr<net::TlsContext> tls_;
  std::shared_ptr<Options> options_;
  std::unique_ptr<net::Listener> sockets_;
};

}  // namespace starling::starlingd
