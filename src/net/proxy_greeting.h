// ProxyGreeting: reads the header of the PROXY protocol from a fresh connection, and no byte more.
//
// It owns the socket meanwhile, and bounds how long that may take. On the loop's thread.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "base/result.h"
#include "net/io_loop.h"
#include "net/proxy_header.h"
#include "net/socket_connection.h"

namespace starling::net {

class ProxyGreeting : public std::enable_shared_from_this<ProxyGreeting> {
 public:
  using Socket = SocketConnection::Socket;
  // The client, or nullopt: the proxy itself; with the socket behind its header. Errors: invalid
  // (not a header), timeout, unavailable (the connection ended), not_found (it ended without a
  // byte: somebody looked whether there is a listener).
  using Done =
      std::move_only_function<void(Result<std::optional<boost::asio::ip::tcp::endpoint>>, Socket)>;

  static void read(IoLoop& loop, Socket socket, Done done);

  ProxyGreeting(IoLoop& loop, Socket socket, Done done);

 private:
  void wait();
  void on_readable();
  void finish(Result<std::optional<boost::asio::ip::tcp::endpoint>> result);

  IoLoop& loop_;
  Socket socket_;
  Done done_;
  ProxyHeader header_;
  bool heard_ = false;
  TimerId timer_ = 0;
};

}  // namespace starling::net
