#include "net/probe.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/deadline.h"
#include "net/tls.h"

namespace starling::net {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kMaxAnswer = 65'536;

class Socket {
 public:
  Socket(const asio::ip::address& address, int type)
      : fd_(::socket(address.is_v6() ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK,
                     0)) {}
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

Error system_error(const std::string& what) {
  return {Errc::unavailable, what + ": " + std::generic_category().message(errno)};
}

// One conversation: everything waits for the same socket and the same deadline.
class Conversation {
 public:
  Conversation(int fd, const Deadline& deadline) : fd_(fd), deadline_(deadline) {}

  Result<> connect(const asio::ip::tcp::endpoint& endpoint) {
    if (::connect(fd_, endpoint.data(), static_cast<socklen_t>(endpoint.size())) == 0) return {};
    if (errno != EINPROGRESS) return std::unexpected(system_error("cannot connect"));
    if (auto ready = wait(POLLOUT, "the connection is not accepted"); !ready) return ready;
    socklen_t size = sizeof errno;
    ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &errno, &size);
    if (errno != 0) return std::unexpected(system_error("cannot connect"));
    return {};
  }

  Result<> send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ssl_ ? ::SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()))
                             : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(n));
      } else if (auto again = wait_to_repeat(n, POLLOUT, "nothing is taken"); !again) {
        return again;
      }
    }
    return {};
  }

  Result<> start_tls(const Probe& what) {
    ctx_.reset(SSL_CTX_new(TLS_client_method()));
    ssl_.reset(SSL_new(ctx_.get()));
    SSL_set_fd(ssl_.get(), fd_);
    SSL_set_tlsext_host_name(ssl_.get(), what.server_name.c_str());
    if (!what.alpn.empty()) {
      const std::string wire = static_cast<char>(what.alpn.size()) + what.alpn;
      SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(wire.data()),
                          static_cast<unsigned>(wire.size()));
    }
    for (;;) {
      const int done = ::SSL_connect(ssl_.get());
      if (done == 1) return {};
      if (auto again = wait_to_repeat(done, POLLIN, "TLS is not answered"); !again) return again;
    }
  }

  Result<> await(std::string_view answer) {
    std::string received;
    char buffer[4096];
    while (received.find(answer) == std::string::npos) {
      const ssize_t n = ssl_ ? ::SSL_read(ssl_.get(), buffer, sizeof buffer)
                             : ::recv(fd_, buffer, sizeof buffer, 0);
      if (n > 0) {
        received.append(buffer, static_cast<std::size_t>(n));
        if (received.size() > kMaxAnswer) return fail(Errc::unavailable, "the answer is too long");
      } else if (auto again = wait_to_repeat(n, POLLIN, "there is no answer"); !again) {
        return again;
      }
    }
    return {};
  }

 private:
  Result<> wait(short events, const char* what) {
    pollfd polled{.fd = fd_, .events = events, .revents = 0};
    const int n = ::poll(&polled, 1, deadline_.left_ms());
    if (n > 0) return {};
    if (n < 0 && errno == EINTR) return {};
    return fail(Errc::timeout, what);
  }

  // After a call that could not go on: waits until it can, or says why it never will.
  Result<> wait_to_repeat(ssize_t result, short events, const char* what) {
    if (!ssl_) {
      if (result == 0) return fail(Errc::unavailable, "the connection was closed");
      if (errno == EAGAIN) return wait(events, what);
      return std::unexpected(system_error("the connection was lost"));
    }
    switch (SSL_get_error(ssl_.get(), static_cast<int>(result))) {
      case SSL_ERROR_WANT_READ:
        return wait(POLLIN, what);
      case SSL_ERROR_WANT_WRITE:
        return wait(POLLOUT, what);
      default:
        break;
    }
    const char* reason = ERR_reason_error_string(ERR_get_error());
    ERR_clear_error();
    return fail(Errc::unavailable,
                std::string("TLS: ") + (reason != nullptr ? reason : "the connection was closed"));
  }

  const int fd_;
  const Deadline& deadline_;
  std::unique_ptr<SSL_CTX, SslCtxFree> ctx_;
  std::unique_ptr<SSL, SslFree> ssl_;
};

}  // namespace

Result<> probe(const Probe& what, std::chrono::milliseconds bound) {
  boost::system::error_code error;
  const auto address = asio::ip::make_address(what.ip, error);
  if (error) return fail(Errc::invalid, what.ip + " is not an IP address");
  const Deadline deadline(bound);
  const Socket socket(address, SOCK_STREAM);
  if (socket.fd() < 0) return std::unexpected(system_error("cannot open a socket"));
  Conversation talk(socket.fd(), deadline);
  auto done = talk.connect({address, what.port});
  if (done) done = talk.send(what.before_tls);
  if (done && what.tls) done = talk.start_tls(what);
  if (done) done = talk.send(what.word);
  if (done) done = talk.await(what.answer);
  return done;
}

bool is_own_address(const std::string& ip) {
  boost::system::error_code error;
  const auto address = asio::ip::make_address(ip, error);
  if (error) return false;
  // The kernel lets only own addresses be bound; nothing is ever sent.
  const Socket socket(address, SOCK_DGRAM);
  const asio::ip::tcp::endpoint endpoint(address, 0);
  return socket.fd() >= 0 &&
         ::bind(socket.fd(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) == 0;
}

}  // namespace starling::net
