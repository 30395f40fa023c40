// SocketConnection: a Connection over a TCP or Unix stream socket.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/file_descriptor.h"
#include "net/connection.h"
#include "net/connection_budget.h"
#include "net/io_loop.h"
#include "net/readiness.h"
#include "net/tls.h"

namespace starling::net {

class SocketConnection final : public Connection,
                               public Watched,
                               public std::enable_shared_from_this<SocketConnection> {
 public:
  // Takes a connected socket. Call start() once the handler is set.
  SocketConnection(IoLoop& loop, FileDescriptor socket, std::string remote_address,
                   std::uint16_t remote_port);
  ~SocketConnection() override;
  SocketConnection(const SocketConnection&) = delete;
  SocketConnection& operator=(const SocketConnection&) = delete;

  // To be given back when the socket is closed.
  void keep(ConnectionBudget::Ticket ticket) { ticket_ = std::move(ticket); }
  // Begins to read; with `direct_tls` the TLS handshake comes first (XEP-0368).
  void start(std::shared_ptr<TlsContext> direct_tls);

  void set_handler(ConnectionHandler* handler) override { handler_ = handler; }
  std::string& output() override;
  [[nodiscard]] std::size_t queued_bytes() const override;
  void start_tls(std::shared_ptr<TlsContext> tls, std::string server_name) override;
  [[nodiscard]] bool is_secure() const override { return tls_ && tls_->session.established(); }
  [[nodiscard]] TlsInfo tls_info() const override {
    return tls_ ? tls_->session.info() : TlsInfo{};
  }
  [[nodiscard]] std::optional<std::string> channel_binding(std::string_view type) const override;
  void close() override;
  void abort() override;
  [[nodiscard]] bool is_open() const override { return state_ == State::open; }
  void pause_reading() override { reading_ = false; }
  void resume_reading() override;
  void move_to(EventLoop& target, Callback arrived) override;
  [[nodiscard]] const std::string& remote_address() const override { return remote_address_; }
  [[nodiscard]] std::uint16_t remote_port() const override { return remote_port_; }

 private:
  // How the end is approaching.
  enum class State : std::uint8_t {
    open,
    closing,  // flushing, then waiting for the peer's end
    dead,
  };

  // A move under way: begun by move_to, over when the target loop has taken it.
  struct Move {
    IoLoop* target;
    Callback arrived;
    // The connection ended before it arrived: it is reported there.
    std::optional<std::pair<CloseReason, std::string>> ended;
  };
  // What only a connection with TLS has.
  struct Tls {
    Tls(std::shared_ptr<TlsContext> context, const std::string& server_name)
        : session(std::move(context), server_name) {}
    TlsSession session;
    std::string wire;  // ciphertext not yet taken by the kernel
    std::size_t wire_sent = 0;
    bool announced = false;
    [[nodiscard]] std::size_t queued() { return wire.size() - wire_sent + session.output().size(); }
  };

  void on_ready(std::uint32_t events) override;
  void watch();
  void stop_watching();
  void read();
  void read_soon();
  void hand_up(std::string_view bytes);
  void hand_up_decrypted(std::string_view ciphertext);
  void on_input_end();
  void mark_dirty();
  void flush();
  bool flush_plain();
  bool flush_wire();
  bool encrypt();
  bool write_some(std::string_view& bytes);
  void drop_ciphertext();
  void finish_closing();
  void depart();
  void arrive();
  void die(CloseReason reason, std::string_view detail);
  void report_end(CloseReason reason, std::string text);

  IoLoop* loop_;
  ConnectionHandler* handler_ = nullptr;
  std::unique_ptr<Tls> tls_;
  std::unique_ptr<Move> move_;
  std::string out_;  // plaintext queued in this turn, or not yet taken by the kernel
  std::string remote_address_;
  std::uint16_t remote_port_;
  ConnectionBudget::Ticket ticket_;
  FileDescriptor socket_;
  State state_ = State::open;
  bool watched_ = false;  // by loop_
  bool reading_ = true;
  bool readable_ = false;  // the kernel may have input that we have not read
  bool end_near_ = false;  // the peer's end is behind that input
  bool read_planned_ = false;
  bool waiting_writable_ = false;
  bool dirty_ = false;
  bool shut_down_ = false;
  bool input_ended_ = false;  // while closing: the peer's end came before ours was flushed
  TimerId close_timer_ = 0;
};

}  // namespace starling::net
