// WebSocketConnection: an XMPP stream over WebSocket (RFC 7395), as a net::Connection, so that a
// C2sStream speaks on it as on any other: what comes is given to it as the bytes of a stream, what
// it sends leaves as one message for each of its top-level things.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/websocket.h"
#include "net/connection.h"

namespace starling::web {

struct WebSocketOptions {
  std::string remote_address;  // the client's, if a proxy says so
  bool secure = false;         // nobody on the way can read it
  // Bytes of one message: until log-in, and from then on.
  std::size_t max_before_auth = 16'384;
  std::size_t max_message = 262'144;
};

class WebSocketConnection final : public net::Connection,
                                  public net::ConnectionHandler,
                                  public std::enable_shared_from_this<WebSocketConnection> {
 public:
  // `below` speaks WebSocket already. Call start() once the handler is set.
  WebSocketConnection(std::shared_ptr<net::Connection> below, WebSocketOptions options);
  ~WebSocketConnection() override;
  WebSocketConnection(const WebSocketConnection&) = delete;
  WebSocketConnection& operator=(const WebSocketConnection&) = delete;

  // `rest` came behind the handshake.
  void start(std::string_view rest);

  // net::Connection
  void set_handler(net::ConnectionHandler* handler) override { handler_ = handler; }
  std::string& output() override;
  [[nodiscard]] std::size_t queued_bytes() const override {
    return out_.size() + below_->queued_bytes();
  }
  // Never: TLS, if any, is below.
  void start_tls(std::shared_ptr<net::TlsContext> tls, std::string server_name) override;
  [[nodiscard]] bool is_secure() const override { return options_.secure; }
  [[nodiscard]] net::TlsInfo tls_info() const override { return below_->tls_info(); }
  [[nodiscard]] std::optional<std::string> channel_binding(std::string_view type) const override {
    return below_->channel_binding(type);
  }
  void close() override;
  void abort() override { below_->abort(); }
  [[nodiscard]] bool is_open() const override { return open_ && below_->is_open(); }
  void pause_reading() override;
  void resume_reading() override;
  void move_to(EventLoop& target, Callback arrived) override;
  [[nodiscard]] const std::string& remote_address() const override {
    return options_.remote_address;
  }
  [[nodiscard]] std::uint16_t remote_port() const override { return below_->remote_port(); }

  // net::ConnectionHandler, of `below`
  void on_data(std::string_view bytes) override;
  void on_tls_established() override {}
  void on_disconnected(net::CloseReason reason, std::string_view detail) override;

 private:
  using Here = WebSocketConnection*;

  // Calls `fn` later on this loop: not if it is on another by then, or gone.
  template <class Plan>
  void later(Plan plan, void (WebSocketConnection::*fn)());
  void read(std::string_view bytes);
  void read_on();
  void take_message(std::string_view message);
  void hand_up(std::string_view bytes);
  void flush_planned();
  void flush();
  void send_message(std::string_view text);
  void send_open(std::string_view header);
  // The client, or what it sent, ends the WebSocket, without a word about the stream.
  void lose(net::CloseReason reason, std::string_view detail);

  std::shared_ptr<net::Connection> below_;
  const WebSocketOptions options_;
  net::ConnectionHandler* handler_ = nullptr;
  http::FrameReader reader_;
  std::string out_;             // what the stream has said in this turn
  std::string unread_;          // came while reading was paused
  std::shared_ptr<Here> here_;  // what calls that are planned on this loop go by
  bool open_ = true;
  bool reading_ = true;
  bool flush_planned_ = false;
  bool expects_open_ = true;  // <open/> begins a stream
};

}  // namespace starling::web
