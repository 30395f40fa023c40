// Listener: accepts connections on one address and port, on every worker's loop (SO_REUSEPORT).
#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/io_loop.h"
#include "net/socket_connection.h"

namespace starling::net {

class Listener {
 public:
  // Called on the loop that accepted; `worker` is its index in `loops`. The connection has not
  // begun to read yet.
  using OnAccept = std::function<void(std::size_t worker, std::shared_ptr<SocketConnection>)>;

  // Binds `ip` ("::" takes IPv4 too) and `port` (0: any free one) once per loop, and listens.
  // Blocking, at start-up, before the loops run. Errors: unavailable with address and cause.
  static Result<std::unique_ptr<Listener>> open(const std::vector<IoLoop*>& loops,
                                                const std::string& ip, std::uint16_t port,
                                                OnAccept on_accept);

  [[nodiscard]] std::uint16_t port() const { return port_; }

  // Stops accepting. Each loop closes its socket on its own thread.
  void close();

 private:
  struct Acceptor;
  static void accept(std::shared_ptr<Acceptor> acceptor);

  std::uint16_t port_ = 0;
  std::vector<std::shared_ptr<Acceptor>> acceptors_;
};

}  // namespace starling::net
