#include "net/proxy_greeting.h"

#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace starling::net {

namespace {
// A proxy sends its header with its first packet.
constexpr std::chrono::seconds kPatience{10};
}  // namespace

ProxyGreeting::ProxyGreeting(IoLoop& loop, Socket socket, Done done)
    : loop_(loop), socket_(std::move(socket)), done_(std::move(done)) {}

void ProxyGreeting::read(IoLoop& loop, Socket socket, Done done) {
  const auto greeting = std::make_shared<ProxyGreeting>(loop, std::move(socket), std::move(done));
  greeting->timer_ = loop.run_after(kPatience, [greeting] {
    greeting->timer_ = 0;
    greeting->finish(fail(Errc::timeout, "no header within the time allowed"));
  });
  greeting->wait();
}

void ProxyGreeting::wait() {
  socket_.async_wait(Socket::wait_read,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       if (!error && self->done_) self->on_readable();
                     });
}

// Looks first and takes then, so that what follows the header stays in the socket: it may be TLS.
void ProxyGreeting::on_readable() {
  char* scratch = loop_.read_scratch();
  const int fd = socket_.native_handle();
  const ssize_t n = ::recv(fd, scratch, ProxyHeader::kMaxBytes, MSG_PEEK | MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return wait();
  if (n < 0) return finish(fail(Errc::unavailable, std::strerror(errno)));
  if (n == 0) {
    return finish(fail(heard_ ? Errc::unavailable : Errc::not_found, "it ended before its header"));
  }
  heard_ = true;
  std::string_view rest(scratch, static_cast<std::size_t>(n));
  const auto status = header_.feed(rest);
  const std::size_t taken = static_cast<std::size_t>(n) - rest.size();
  static_cast<void>(::recv(fd, scratch, taken, MSG_DONTWAIT));
  switch (status) {
    case ProxyHeader::Status::need_more:
      return wait();
    case ProxyHeader::Status::complete:
      return finish(header_.client());
    case ProxyHeader::Status::invalid:
      return finish(fail(Errc::invalid, std::string(header_.error())));
  }
}

void ProxyGreeting::finish(Result<std::optional<boost::asio::ip::tcp::endpoint>> result) {
  if (timer_ != 0) loop_.cancel(std::exchange(timer_, 0));
  auto done = std::exchange(done_, nullptr);
  done(std::move(result), std::move(socket_));
}

}  // namespace starling::net
