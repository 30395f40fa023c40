// HttpListener: one entry of `listen` for HTTP.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "base/swappable.h"
#include "config/config.h"
#include "http/http_service.h"
#include "net/io_loop.h"
#include "net/listener.h"
#include "net/tls.h"
#include "starlingd/door.h"

namespace starling::starlingd {

class HttpListener final : public Door {
 public:
  // `services` is by worker, as `loops`, and must outlive what is accepted. Errors: of
  // net::Listener::open.
  static Result<std::unique_ptr<HttpListener>> open(
      const std::vector<net::IoLoop*>& loops,
      const std::vector<std::unique_ptr<http::HttpService>>& services,
      const std::shared_ptr<const config::Config>& config, const config::ListenOptions& listen,
      std::shared_ptr<net::TlsContext> tls);

  void reload(const std::shared_ptr<const config::Config>& config,
              const config::ListenOptions& listen) override;
  [[nodiscard]] std::uint16_t port() const override { return sockets_->port(); }
  void close() override { sockets_->close(); }

 private:
  HttpListener() = default;

  // What a connection is told when it comes.
  struct Options {
    bool tls = false;  // from the first byte
    std::shared_ptr<const http::HttpOptions> http;
  };
  Options options(const std::shared_ptr<const config::Config>& config,
                  const config::ListenOptions& listen) const;

  std::shared_ptr<net::ConnectionBudget> bosh_sessions_ = std::make_shared<net::ConnectionBudget>();
  std::shared_ptr<Swappable<Options>> options_;
  std::unique_ptr<net::Listener> sockets_;
};

}  // namespace starling::starlingd
