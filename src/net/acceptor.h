// What a Listener consists of: one Acceptor for each loop, and one Doorman who decides for all of
// them who may come in. For listener.cc.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/metrics.h"
#include "base/swappable.h"
#include "base/throttle.h"
#include "net/listener.h"

namespace starling::net {

// Thread-safe.
class Doorman : public std::enable_shared_from_this<Doorman> {
 public:
  using Endpoint = boost::asio::ip::tcp::endpoint;

  Doorman(std::uint16_t port, Listener::OnAccept on_accept, ListenerOptions options);

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::shared_ptr<const ListenerOptions> options() const { return options_.get(); }
  void set_options(ListenerOptions options);

  // On `loop`, of index `worker`: a socket was accepted.
  void arrived(IoLoop& loop, std::size_t worker, FileDescriptor socket, const Endpoint& remote);

  // True if this process has more file descriptors left than are reserved. `fd` is any open one.
  [[nodiscard]] bool files_left(int fd) const;
  // Accepting on `loop` has to wait, for whatever reason. Told and counted once, until it has gone
  // on everywhere for a while.
  void paused(IoLoop& loop, std::string_view reason);

 private:
  void read_proxy_header(IoLoop& loop, std::size_t worker, FileDescriptor socket,
                         const Endpoint& proxy, ConnectionBudget::Ticket ticket);
  void welcome(IoLoop& loop, std::size_t worker, FileDescriptor socket, const Endpoint& client,
               ConnectionBudget::Ticket ticket);
  void refuse(IoLoop& loop, const Endpoint& remote, std::string_view reason, std::uint32_t limit);
  void refuse_proxy(IoLoop& loop, const Endpoint& remote, std::string_view error);
  void look_after_pause(IoLoop& loop);

  const std::uint16_t port_;
  const Listener::OnAccept on_accept_;
  Swappable<ListenerOptions> options_;
  const std::shared_ptr<ConnectionBudget> budget_ = std::make_shared<ConnectionBudget>();
  Throttle refusals_;
  Throttle proxy_refusals_;
  std::mutex mutex_;
  bool paused_ = false;      // guarded by mutex_
  TimePoint last_paused_{};  // guarded by mutex_
  metrics::Observed connections_;
};

// Used on its loop's thread.
class Acceptor : public std::enable_shared_from_this<Acceptor> {
 public:
  Acceptor(IoLoop& loop, std::size_t worker, boost::asio::ip::tcp::acceptor socket,
           std::shared_ptr<Doorman> doorman);

  [[nodiscard]] IoLoop& loop() { return loop_; }
  void wait();
  void close();

 private:
  void accept_some();
  void pause(std::string_view reason);

  IoLoop& loop_;
  const std::size_t worker_;
  boost::asio::ip::tcp::acceptor socket_;
  const std::shared_ptr<Doorman> doorman_;
};

}  // namespace starling::net
