// Connection: one byte stream with a peer, with or without TLS, as the layers above see it.
//
// A Connection belongs to one event loop at a time and is used on that loop's thread only. It holds
// no buffer while idle: input is handed up out of the loop's own scratch memory, output is
// collected during one turn of the loop and leaves in one system call at its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/event_loop.h"

namespace starling::net {

class IoLoop;
class TlsContext;

// Why a connection ended, for the log.
enum class CloseReason : std::uint8_t {
  closed_by_us,
  closed_by_peer,    // orderly: FIN or TLS close_notify
  connection_error,  // reset, timed out, unreachable
  tls_error,         // handshake or record failed
};
[[nodiscard]] std::string_view to_string(CloseReason reason);

// What is known of an established TLS layer.
struct TlsInfo {
  std::string version;  // "TLSv1.3"
  std::string cipher;
  std::string alpn;         // negotiated protocol, "" if none
  std::string server_name;  // SNI as the client sent it, "" if none
};

// The owner's side of a Connection. Calls come on the loop's thread and never from inside a call
// into the same Connection.
class ConnectionHandler {
 public:
  virtual ~ConnectionHandler() = default;
  // Bytes arrived (decrypted if TLS is on). They are gone when the call returns.
  virtual void on_data(std::string_view bytes) = 0;
  // The handshake begun by start_tls (or by a direct-TLS listener) is complete.
  virtual void on_tls_established() = 0;
  // The peer is gone; the last call of all. `detail` is for the log.
  virtual void on_disconnected(CloseReason reason, std::string_view detail) = 0;
};

class Connection {
 public:
  virtual ~Connection() = default;

  virtual void set_handler(ConnectionHandler* handler) = 0;

  // Where to append what is to be sent; it leaves at the end of this turn, encrypted if TLS is on.
  // The reference is good until the next call. After close or abort it leads nowhere.
  virtual std::string& output() = 0;
  void send(std::string_view bytes) { output().append(bytes); }
  // Bytes queued and not yet taken by the kernel.
  [[nodiscard]] virtual std::size_t queued_bytes() const = 0;

  // Sends what is queued in the clear, then speaks TLS as the server. Bytes received in the clear
  // after the caller's decision are not part of the TLS stream and must be dropped by the caller
  // (they would be an injection: RFC 6120 5.4.3.3). `server_name` chooses the certificate if the
  // client names no host itself.
  virtual void start_tls(std::shared_ptr<TlsContext> tls, std::string server_name) = 0;
  [[nodiscard]] virtual bool is_secure() const = 0;
  [[nodiscard]] virtual TlsInfo tls_info() const = 0;
  // Channel-binding data (RFC 5929 "tls-server-end-point", RFC 9266 "tls-exporter"); nullopt if
  // this connection cannot give that type.
  [[nodiscard]] virtual std::optional<std::string> channel_binding(std::string_view type) const = 0;

  // Sends what is queued, ends TLS, closes the sending side, and waits a bounded time for the peer
  // to do the same. Input is no longer handed up. on_disconnected follows.
  virtual void close() = 0;
  // Drops the connection and what is queued at once. on_disconnected follows.
  virtual void abort() = 0;

  // False from close, abort or the peer's end on; on_disconnected may still be due.
  [[nodiscard]] virtual bool is_open() const = 0;

  // Takes no more input from the kernel until resumed: back-pressure.
  virtual void pause_reading() = 0;
  virtual void resume_reading() = 0;

  // Moves the connection to another loop, with all its state. `arrived` runs on the target's
  // thread; from then on the connection (and its handler) may be used there only. Reading is
  // paused on arrival. The connection must be open.
  virtual void move_to(EventLoop& target, Callback arrived) = 0;

  // "203.0.113.7" and its port; for the log and for limits.
  [[nodiscard]] virtual const std::string& remote_address() const = 0;
  [[nodiscard]] virtual std::uint16_t remote_port() const = 0;
};

}  // namespace starling::net
