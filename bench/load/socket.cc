#include "socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "die.h"

namespace load {

namespace {

constexpr std::uint32_t kFirstSource = 0x7f010001;  // 127.1.0.1

}  // namespace

int connect_to(const Address& server, std::uint32_t number) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) die("no socket: more sessions than this process may open files?");
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(kFirstSource + number);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) die("bind failed");
  address.sin_port = htons(static_cast<std::uint16_t>(server.port));
  if (inet_pton(AF_INET, server.host.c_str(), &address.sin_addr) != 1) die("not an IPv4 address");
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 ||
      errno == EINPROGRESS) {
    return fd;
  }
  ::close(fd);
  return -1;
}

void Socket::open(int fd) {
  close();
  fd_ = fd;
}

void Socket::start_tls(Tls tls) {
  tls_ = std::move(tls);
  SSL_set_fd(tls_.get(), fd_);
  // One system call takes all there is, not one for each record's header and body.
  SSL_set_read_ahead(tls_.get(), 1);
  SSL_set_mode(tls_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

void Socket::close() {
  if (fd_ < 0) return;
  // Without a good-bye OpenSSL would not resume the session.
  if (tls_ && SSL_is_init_finished(tls_.get()) == 1) SSL_shutdown(tls_.get());
  ERR_clear_error();
  tls_.reset();
  ::close(fd_);
  fd_ = -1;
  wants_write_ = false;
  unsent_ = {};
}

ssize_t Socket::read(std::span<char> buffer) {
  if (tls_) return tls_result(SSL_read(tls_.get(), buffer.data(), static_cast<int>(buffer.size())));
  const ssize_t count = ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (count > 0) return count;
  return count < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

ssize_t Socket::write(std::string_view bytes) {
  if (tls_) return tls_result(SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size())));
  const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (count >= 0) return count;
  wants_write_ = errno == EAGAIN;
  return wants_write_ ? 0 : -1;
}

// What read() says, from what OpenSSL says.
ssize_t Socket::tls_result(int result) {
  if (result > 0) return result;
  const int error = SSL_get_error(tls_.get(), result);
  ERR_clear_error();
  wants_write_ = error == SSL_ERROR_WANT_WRITE;
  return error == SSL_ERROR_WANT_READ || wants_write_ ? 0 : -1;
}

bool Socket::flush() {
  wants_write_ = false;
  std::size_t sent = 0;
  while (sent < unsent_.size()) {
    const ssize_t count = write(std::string_view(unsent_).substr(sent));
    if (count < 0) return false;
    if (count == 0) break;
    sent += static_cast<std::size_t>(count);
  }
  // A client that has nothing to say keeps no buffer: ten thousand of them are idle.
  if (sent == unsent_.size() && unsent_.capacity() > 4096) {
    unsent_ = {};
  } else {
    unsent_.erase(0, sent);
  }
  return true;
}

}  // namespace load
