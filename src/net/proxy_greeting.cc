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

ProxyGreeting::ProxyGreeting(IoLoop& loop, FileDescriptor socket, Done done)
    : loop_(loop), socket_(std::move(socket)), done_(std::move(done)) {}

void ProxyGreeting::read(IoLoop& loop, FileDescriptor socket, Done done) {
  const auto greeting = std::make_shared<ProxyGreeting>(loop, std::move(socket), std::move(done));
  greeting->timer_ = loop.run_after(kPatience, [greeting] {
    greeting->timer_ = 0;
    greeting->finish(fail(Errc::timeout, "no header within the time allowed"));
  });
  if (!loop.readiness().add(greeting->socket_.get(), greeting)) {
    greeting->watched_ = false;
    greeting->finish(fail(Errc::unavailable, std::strerror(errno)));
  }
}

void ProxyGreeting::on_ready(std::uint32_t /*events*/) {
  while (done_ && read_some()) {
  }
}

// Looks first and takes then, so that what follows the header stays in the socket: it may be TLS.
// True if there may be more to read.
bool ProxyGreeting::read_some() {
  char* scratch = loop_.read_scratch();
  const int fd = socket_.get();
  const ssize_t n = ::recv(fd, scratch, ProxyHeader::kMaxBytes, MSG_PEEK | MSG_DONTWAIT);
  if (n < 0 && errno == EAGAIN) return false;
  if (n < 0 && errno == EINTR) return true;
  if (n < 0) {
    finish(fail(Errc::unavailable, std::strerror(errno)));
    return false;
  }
  if (n == 0) {
    finish(fail(heard_ ? Errc::unavailable : Errc::not_found, "it ended before its header"));
    return false;
  }
  heard_ = true;
  std::string_view rest(scratch, static_cast<std::size_t>(n));
  const auto status = header_.feed(rest);
  const std::size_t taken = static_cast<std::size_t>(n) - rest.size();
  static_cast<void>(::recv(fd, scratch, taken, MSG_DONTWAIT));
  switch (status) {
    case ProxyHeader::Status::need_more:
      return true;
    case ProxyHeader::Status::complete:
      finish(header_.client());
      return false;
    case ProxyHeader::Status::invalid:
      finish(fail(Errc::invalid, std::string(header_.error())));
      return false;
  }
  return false;
}

void ProxyGreeting::finish(Result<std::optional<boost::asio::ip::tcp::endpoint>> result) {
  if (std::exchange(watched_, false)) loop_.readiness().remove(socket_.get(), *this);
  if (timer_ != 0) loop_.cancel(std::exchange(timer_, 0));
  auto done = std::exchange(done_, nullptr);
  done(std::move(result), std::move(socket_));
}

}  // namespace starling::net
