#include "net/listener.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <cerrno>
#include <utility>

#include "base/file_descriptor.h"
#include "net/acceptor.h"

namespace starling::net {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

// SO_REUSEPORT would let a second daemon of the same user share the port unnoticed: what goes
// without it fails if anybody listens there. Not a socket of Asio's: a loop that just looks at it
// would hold it, and the port, beyond its end.
boost::system::error_code nobody_listens(const tcp::endpoint& endpoint) {
  const FileDescriptor probe(
      ::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP));
  const int on = 1;
  const int off = 0;
  ::setsockopt(probe.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (endpoint.address().is_v6()) {
    ::setsockopt(probe.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  }
  if (::bind(probe.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) == 0 &&
      ::listen(probe.get(), 1) == 0) {
    return {};
  }
  return {errno, boost::system::system_category()};
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::open(const std::vector<IoLoop*>& loops,
                                                 const std::string& ip, std::uint16_t port,
                                                 OnAccept on_accept, ListenerOptions options) {
  boost::system::error_code error;
  const auto address = asio::ip::make_address(ip, error);
  if (error) return fail(Errc::invalid, "listen: '" + ip + "' is not an IP address");
  std::vector<tcp::acceptor> sockets;
  for (IoLoop* loop : loops) {
    tcp::acceptor socket(loop->context());
    const tcp::endpoint endpoint(address, port);
    const auto failed = [&](const char* what) {
      return fail(Errc::unavailable, "listen: cannot " + std::string(what) + " " + ip + " port " +
                                         std::to_string(port) + ": " + error.message());
    };
    if (socket.open(endpoint.protocol(), error)) return failed("open a socket for");
    socket.set_option(tcp::acceptor::reuse_address(true), error);
    if (address.is_v6()) socket.set_option(asio::ip::v6_only(false), error);
    if (sockets.empty() && port != 0 && (error = nobody_listens(endpoint))) return failed("bind");
    const int on = 1;
    ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (socket.bind(endpoint, error)) return failed("bind");
    if (sockets.empty()) port = socket.local_endpoint().port();
    if (socket.listen(asio::socket_base::max_listen_connections, error)) return failed("listen on");
    if (socket.native_non_blocking(true, error)) return failed("listen on");
    sockets.push_back(std::move(socket));
  }
  std::unique_ptr<Listener> listener(new Listener);
  listener->doorman_ = std::make_shared<Doorman>(port, std::move(on_accept), std::move(options));
  for (std::size_t i = 0; i < loops.size(); ++i) {
    listener->acceptors_.push_back(
        std::make_shared<Acceptor>(*loops[i], i, std::move(sockets[i]), listener->doorman_));
    loops[i]->post([acceptor = listener->acceptors_.back()] { acceptor->wait(); });
  }
  return listener;
}

std::uint16_t Listener::port() const {
  return doorman_->port();
}

void Listener::set_options(ListenerOptions options) {
  doorman_->set_options(std::move(options));
}

void Listener::close() {
  for (const auto& acceptor : acceptors_) {
    acceptor->loop().post([acceptor] { acceptor->close(); });
  }
}

}  // namespace starling::net
