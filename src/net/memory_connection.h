// MemoryConnection: a Connection without a socket, for unit tests, fuzzing and simulations.
//
// One small object per connection; the far end is a MemoryPeer and the peer_* calls below. It
// behaves as a socket does: output leaves at the end of a turn, a peer that takes little causes
// back-pressure, input waits while reading is paused. TLS is pretended: bytes stay as they are, and
// what is said of the TLS layer is given by the test. Used on its loop's thread, peer_* included.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/connection.h"

namespace starling::net {

// Whoever is at the far end. Calls come at the end of a turn.
class MemoryPeer {
 public:
  virtual ~MemoryPeer() = default;
  virtual void on_bytes(std::string_view bytes) = 0;
  // The server has ended its sending side (close), or dropped the connection (abort).
  virtual void on_end(bool dropped) = 0;
};

// What a pretended TLS layer says of itself. Shared by any number of connections.
struct PretendedTls {
  TlsInfo info;
  std::vector<std::pair<std::string, std::string>> channel_bindings;  // type, data
};

class MemoryConnection final : public Connection,
                               public std::enable_shared_from_this<MemoryConnection> {
 public:
  // `peer` must outlive the connection, or leave by peer_resets().
  MemoryConnection(EventLoop& loop, MemoryPeer& peer, std::string remote_address = "memory")
      : loop_(&loop), peer_(&peer), remote_address_(std::move(remote_address)) {}

  // The far end's side. What it sends is handed up at once, unless reading is paused.
  void peer_sends(std::string_view bytes);
  void peer_closes();
  void peer_resets();
  // Takes `bytes` of output and then no more, until it is called again. By default it takes all.
  void peer_takes(std::size_t bytes);
  // Ends a handshake begun by start_tls, or by a direct-TLS listener, well.
  void peer_completes_tls(const PretendedTls& tls);
  [[nodiscard]] bool tls_started() const { return tls_started_; }
  // The loop that it is on now.
  [[nodiscard]] EventLoop& loop() const { return *loop_; }

  void set_handler(ConnectionHandler* handler) override { handler_ = handler; }
  std::string& output() override;
  [[nodiscard]] std::size_t queued_bytes() const override { return out_.size(); }
  void start_tls(std::shared_ptr<TlsContext> tls, std::string server_name) override;
  [[nodiscard]] bool is_secure() const override { return tls_ != nullptr; }
  [[nodiscard]] TlsInfo tls_info() const override { return tls_ ? tls_->info : TlsInfo{}; }
  [[nodiscard]] std::optional<std::string> channel_binding(std::string_view type) const override;
  void close() override;
  void abort() override;
  [[nodiscard]] bool is_open() const override { return state_ == State::open; }
  void pause_reading() override { reading_ = false; }
  void resume_reading() override;
  void move_to(EventLoop& target, Callback arrived) override;
  [[nodiscard]] const std::string& remote_address() const override { return remote_address_; }
  [[nodiscard]] std::uint16_t remote_port() const override { return 0; }

 private:
  enum class State : std::uint8_t { open, closing, dead };

  void hand_up();
  void mark_dirty();
  void flush();
  void die(CloseReason reason);

  static constexpr std::size_t kTakesAll = static_cast<std::size_t>(-1);

  EventLoop* loop_;
  MemoryPeer* peer_;
  ConnectionHandler* handler_ = nullptr;
  const PretendedTls* tls_ = nullptr;
  std::string remote_address_;
  std::string out_;
  std::string in_;  // came while reading was paused
  std::size_t window_ = kTakesAll;
  TimerId close_timer_ = 0;
  State state_ = State::open;
  bool reading_ = true;
  bool dirty_ = false;
  bool ended_ = false;        // the peer was told
  bool peer_closed_ = false;  // behind what is in in_
  bool tls_started_ = false;
};

}  // namespace starling::net
