// Socket: a TCP connection that never blocks, in the clear or, from some moment on, in TLS.
#pragma once

#include <openssl/ssl.h>
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace load {

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using Tls = std::unique_ptr<SSL, FreeSsl>;
using TlsContext = std::unique_ptr<SSL_CTX, FreeSsl>;
using TlsSession = std::unique_ptr<SSL_SESSION, FreeSsl>;

struct Address {
  std::string host;
  int port = 0;
  bool operator==(const Address&) const = default;
};

// Begins a connection of client `number`, from an address of its own, so that ports do not run out,
// and each looks like another client. -1: refused.
int connect_to(const Address& server, std::uint32_t number);

class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() { close(); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void open(int fd);
  // From here on all is TLS; reads and writes do the handshake. It is not begun here: what came
  // with its end would wait inside TLS, and no event would tell.
  void start_tls(Tls tls);
  void close();

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  [[nodiscard]] SSL* tls() const { return tls_.get(); }

  // How many bytes; 0: none at present; -1: there will be none any more.
  ssize_t read(std::span<char> buffer);
  // True if read() would yield something without a system call.
  [[nodiscard]] bool has_pending() const { return tls_ && SSL_has_pending(tls_.get()) == 1; }

  void queue(std::string_view bytes) { unsent_.append(bytes); }
  // Sends what it can of what is queued. False: the connection is broken.
  bool flush();
  // True if flush() waits for room in the kernel.
  [[nodiscard]] bool wants_write() const { return wants_write_; }

 private:
  ssize_t write(std::string_view bytes);
  ssize_t tls_result(int result);

  int fd_ = -1;
  bool wants_write_ = false;
  Tls tls_;
  std::string unsent_;
};

}  // namespace load
