#include "net/acceptor.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "net/proxy_greeting.h"

namespace starling::net {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

// How long accepting waits before it looks again whether there are file descriptors.
constexpr std::chrono::milliseconds kAcceptPause{100};
// A pause is over when accepting has gone on for so long: under pressure it stops and goes on with
// every connection that ends, which is one event and not thousands.
constexpr std::chrono::seconds kPauseIsOver{1};
constexpr std::chrono::seconds kLogPeriod{1};
// Connections taken in one go, before others get their turn.
constexpr int kAcceptsPerTurn = 16;

// What a turn has for a client leaves at once; and a vanished peer is found by TCP even when
// nothing is sent for hours (seconds).
void set_options(int fd) {
  const int on = 1;
  const int idle = 600;
  const int interval = 60;
  const int count = 5;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

asio::ip::address plain(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  return address;
}

std::string to_text(const tcp::endpoint& endpoint) {
  const auto address = plain(endpoint.address());
  const std::string text = address.to_string();
  return (address.is_v6() ? "[" + text + "]" : text) + ":" + std::to_string(endpoint.port());
}

}  // namespace

Doorman::Doorman(std::uint16_t port, Listener::OnAccept on_accept, ListenerOptions options)
    : port_(port),
      on_accept_(std::move(on_accept)),
      options_(std::move(options)),
      refusals_(kLogPeriod),
      proxy_refusals_(kLogPeriod),
      connections_("starling_connections", "Connections of clients that are open now, by port",
                   {{"port", std::to_string(port)}},
                   [budget = budget_] { return static_cast<double>(budget->count()); }) {
  budget_->set_limits(options_.get()->connections);
}

void Doorman::set_options(ListenerOptions options) {
  budget_->set_limits(options.connections);
  options_.set(std::move(options));
}

// The kernel gives out the lowest free descriptor: if that is high, so many are in use.
bool Doorman::files_left(int fd) const {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const int lowest = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (lowest < 0) return false;
  ::close(lowest);
  // A reserve that leaves nothing would be a mistake.
  const rlim_t reserved = std::min<rlim_t>(options()->reserved_files, limit.rlim_cur / 2);
  return static_cast<rlim_t>(lowest) + reserved < limit.rlim_cur;
}

void Doorman::paused(IoLoop& loop, std::string_view reason) {
  {
    const std::lock_guard lock(mutex_);
    last_paused_ = loop.now();
    if (std::exchange(paused_, true)) return;
  }
  static auto& pauses = metrics::counter("starling_accept_pauses_total",
                                         "Times that accepting had to wait for file descriptors");
  pauses.add();
  log::warning("accepting_paused",
               {{"port", port_}, {"reason", reason}, {"connections", budget_->count()}});
  look_after_pause(loop);
}

void Doorman::look_after_pause(IoLoop& loop) {
  loop.run_after(kPauseIsOver, [self = shared_from_this(), &loop] {
    {
      const std::lock_guard lock(self->mutex_);
      self->paused_ = loop.now() - self->last_paused_ < kPauseIsOver;
      if (self->paused_) return self->look_after_pause(loop);
    }
    log::info("accepting_resumed",
              {{"port", self->port_}, {"connections", self->budget_->count()}});
  });
}

void Doorman::arrived(IoLoop& loop, std::size_t worker, FileDescriptor socket,
                      const Endpoint& remote) {
  auto ticket = budget_->take();
  if (!ticket) {
    return refuse(loop, remote, "max_connections", budget_->limits().connections);
  }
  const auto options = options_.get();
  if (!options->proxy_protocol) {
    return welcome(loop, worker, std::move(socket), remote, *std::move(ticket));
  }
  if (options->trusts_proxy && !options->trusts_proxy(plain(remote.address()))) {
    return refuse_proxy(loop, remote, "not one of trusted_proxies");
  }
  read_proxy_header(loop, worker, std::move(socket), remote, *std::move(ticket));
}

void Doorman::read_proxy_header(IoLoop& loop, std::size_t worker, FileDescriptor socket,
                                const Endpoint& proxy, ConnectionBudget::Ticket ticket) {
  ProxyGreeting::read(loop, std::move(socket),
                      [self = shared_from_this(), &loop, worker, proxy, ticket = std::move(ticket)](
                          Result<std::optional<Endpoint>> client, FileDescriptor from) mutable {
                        if (!client) {
                          // Load balancers look in this way whether there is a listener.
                          if (client.error().code == Errc::not_found) return;
                          return self->refuse_proxy(loop, proxy, client.error().message);
                        }
                        self->welcome(loop, worker, std::move(from), client->value_or(proxy),
                                      std::move(ticket));
                      });
}

void Doorman::welcome(IoLoop& loop, std::size_t worker, FileDescriptor socket,
                      const Endpoint& client, ConnectionBudget::Ticket ticket) {
  const auto address = plain(client.address());
  if (!ticket.count_for(address)) {
    return refuse(loop, client, "max_connections_per_address", budget_->limits().per_address);
  }
  auto connection = std::make_shared<SocketConnection>(loop, std::move(socket), address.to_string(),
                                                       client.port());
  connection->keep(std::move(ticket));
  on_accept_(worker, std::move(connection));
}

void Doorman::refuse(IoLoop& loop, const Endpoint& remote, std::string_view reason,
                     std::uint32_t limit) {
  metrics::counter("starling_connections_refused_total",
                   "Connections closed at once since there were too many, by the limit",
                   {{"reason", std::string(reason)}})
      .add();
  const auto held_back = refusals_.pass(loop.now());
  if (!held_back) return;
  log::warning("connection_refused", {{"remote", to_text(remote)},
                                      {"port", port_},
                                      {"reason", reason},
                                      {"limit", limit},
                                      {"not_logged", *held_back}});
}

void Doorman::refuse_proxy(IoLoop& loop, const Endpoint& remote, std::string_view error) {
  static auto& invalid =
      metrics::counter("starling_proxy_headers_invalid_total",
                       "Connections closed since they did not begin with a valid PROXY header");
  invalid.add();
  const auto held_back = proxy_refusals_.pass(loop.now());
  if (!held_back) return;
  log::warning(
      "proxy_header_invalid",
      {{"remote", to_text(remote)}, {"port", port_}, {"error", error}, {"not_logged", *held_back}});
}

Acceptor::Acceptor(IoLoop& loop, std::size_t worker, tcp::acceptor socket,
                   std::shared_ptr<Doorman> doorman)
    : loop_(loop), worker_(worker), socket_(std::move(socket)), doorman_(std::move(doorman)) {}

void Acceptor::wait() {
  if (!socket_.is_open()) return;
  socket_.async_wait(tcp::acceptor::wait_read,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       if (!error) self->accept_some();
                     });
}

void Acceptor::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void Acceptor::accept_some() {
  if (!socket_.is_open()) return;
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    if (!doorman_->files_left(socket_.native_handle())) return pause("file descriptors");
    tcp::endpoint remote;
    auto length = static_cast<socklen_t>(remote.capacity());
    const int fd =
        ::accept4(socket_.native_handle(), remote.data(), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      remote.resize(length);
      set_options(fd);
      doorman_->arrived(loop_, worker_, FileDescriptor(fd), remote);
    } else if (errno == EAGAIN) {
      break;
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      return pause(std::strerror(errno));
    }  // else: that one has gone again
  }
  wait();
}

void Acceptor::pause(std::string_view reason) {
  doorman_->paused(loop_, reason);
  loop_.run_after(kAcceptPause, [self = shared_from_this()] { self->accept_some(); });
}

}  // namespace starling::net
