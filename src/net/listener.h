// Listener: accepts connections on one address and port, on every worker's loop (SO_REUSEPORT), as
// many as its limits allow.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/connection_budget.h"
#include "net/io_loop.h"
#include "net/socket_connection.h"

namespace starling::net {

class Acceptor;
class Doorman;

struct ListenerOptions {
  // At once; one more is accepted and closed. An address is the client's, behind a proxy too.
  ConnectionBudget::Limits connections;
  // With only so many file descriptors left to this process, accepting pauses until there are more
  // again: the store, the certificates and the operator's socket need some.
  std::uint32_t reserved_files = 64;
  // Every connection begins with a header of the PROXY protocol, version 1 or 2.
  bool proxy_protocol = false;
  // Whether that address may send one; unset: anybody.
  std::function<bool(const boost::asio::ip::address&)> trusts_proxy;
};

class Listener {
 public:
  // Called on the loop that accepted; `worker` is its index in `loops`. The connection has not
  // begun to read yet.
  using OnAccept = std::function<void(std::size_t worker, std::shared_ptr<SocketConnection>)>;

  // Binds `ip` ("::" takes IPv4 too) and `port` (0: any free one) once per loop, and listens.
  // Blocking, at start-up, before the loops run. Errors: unavailable with address and cause.
  static Result<std::unique_ptr<Listener>> open(const std::vector<IoLoop*>& loops,
                                                const std::string& ip, std::uint16_t port,
                                                OnAccept on_accept, ListenerOptions options = {});

  [[nodiscard]] std::uint16_t port() const;

  // For connections that come from now on. Thread-safe.
  void set_options(ListenerOptions options);

  // Stops accepting. Each loop closes its socket on its own thread.
  void close();

 private:
  std::shared_ptr<Doorman> doorman_;
  std::vector<std::shared_ptr<Acceptor>> acceptors_;
};

}  // namespace starling::net
