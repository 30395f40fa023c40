#include "net/listener.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <chrono>

#include "base/log.h"

namespace starling::net {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

// Without file descriptors or memory accept() fails at once, again and again: wait instead.
constexpr std::chrono::milliseconds kAcceptPause{100};

// A vanished peer is found by TCP even when nothing is sent for hours (seconds).
void set_keepalive(int fd) {
  const int on = 1;
  const int idle = 600;
  const int interval = 60;
  const int count = 5;
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

std::string plain_address(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  }
  return address.to_string();
}

}  // namespace

struct Listener::Acceptor {
  Acceptor(IoLoop& l, std::size_t index, OnAccept fn)
      : loop(l), worker(index), on_accept(std::move(fn)), socket(l.context()) {}
  IoLoop& loop;
  std::size_t worker;
  OnAccept on_accept;
  tcp::acceptor socket;
};

Result<std::unique_ptr<Listener>> Listener::open(const std::vector<IoLoop*>& loops,
                                                 const std::string& ip, std::uint16_t port,
                                                 OnAccept on_accept) {
  auto listener = std::make_unique<Listener>();
  listener->port_ = port;
  boost::system::error_code error;
  const auto address = asio::ip::make_address(ip, error);
  if (error) return fail(Errc::invalid, "listen: '" + ip + "' is not an IP address");
  for (std::size_t i = 0; i < loops.size(); ++i) {
    auto acceptor = std::make_shared<Acceptor>(*loops[i], i, on_accept);
    const tcp::endpoint endpoint(address, listener->port_);
    const auto failed = [&](const char* what) {
      return fail(Errc::unavailable, "listen: cannot " + std::string(what) + " " + ip + " port " +
                                         std::to_string(listener->port_) + ": " + error.message());
    };
    if (acceptor->socket.open(endpoint.protocol(), error)) return failed("open a socket for");
    acceptor->socket.set_option(tcp::acceptor::reuse_address(true), error);
    if (address.is_v6()) acceptor->socket.set_option(asio::ip::v6_only(false), error);
    if (i == 0 && port != 0) {
      // SO_REUSEPORT would let a second daemon of the same user share the port unnoticed: try
      // without it first, which fails if anybody listens there.
      tcp::acceptor probe(loops[i]->context(), endpoint.protocol());
      probe.set_option(tcp::acceptor::reuse_address(true), error);
      if (address.is_v6()) probe.set_option(asio::ip::v6_only(false), error);
      if (probe.bind(endpoint, error)) return failed("bind");
      if (probe.listen(1, error)) return failed("listen on");
    }
    const int on = 1;
    ::setsockopt(acceptor->socket.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (acceptor->socket.bind(endpoint, error)) return failed("bind");
    if (i == 0) listener->port_ = acceptor->socket.local_endpoint().port();
    if (acceptor->socket.listen(asio::socket_base::max_listen_connections, error)) {
      return failed("listen on");
    }
    listener->acceptors_.push_back(std::move(acceptor));
  }
  for (const auto& acceptor : listener->acceptors_) {
    acceptor->loop.post([acceptor] { accept(acceptor); });
  }
  return listener;
}

void Listener::accept(std::shared_ptr<Acceptor> acceptor) {
  auto& socket = acceptor->socket;
  if (!socket.is_open()) return;
  socket.async_accept(
      [acceptor = std::move(acceptor)](const boost::system::error_code& error, tcp::socket peer) {
        if (error == asio::error::operation_aborted) return;
        if (error) {
          log::warning("accept_failed", {{"error", error.message()}});
          acceptor->loop.run_after(kAcceptPause, [acceptor] { accept(acceptor); });
          return;
        }
        boost::system::error_code ignored;
        const auto remote = peer.remote_endpoint(ignored);
        peer.set_option(tcp::no_delay(true), ignored);
        set_keepalive(peer.native_handle());
        acceptor->on_accept(acceptor->worker, std::make_shared<SocketConnection>(
                                                  acceptor->loop, std::move(peer),
                                                  plain_address(remote.address()), remote.port()));
        accept(acceptor);
      });
}

void Listener::close() {
  for (const auto& acceptor : acceptors_) {
    acceptor->loop.post([acceptor] {
      boost::system::error_code ignored;
      acceptor->socket.close(ignored);
    });
  }
}

}  // namespace starling::net
