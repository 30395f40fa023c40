#include "net/unix_listener.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <chrono>
#include <utility>

#include "base/log.h"

namespace starling::net {

namespace asio = boost::asio;
using Local = asio::local::stream_protocol;

struct UnixListener::Acceptor {
  Acceptor(IoLoop& l, OnAccept fn) : loop(l), on_accept(std::move(fn)), socket(l.context()) {}
  IoLoop& loop;
  OnAccept on_accept;
  Local::acceptor socket;
};

Result<std::unique_ptr<UnixListener>> UnixListener::open(IoLoop& loop, const std::string& path,
                                                         OnAccept on_accept) {
  boost::system::error_code error;
  constexpr std::size_t kMaxPath = 107;  // sun_path
  if (path.size() > kMaxPath) {
    return fail(Errc::invalid, path + ": too long for a Unix socket (107 bytes at most)");
  }
  {
    Local::socket probe(loop.context());
    probe.connect(Local::endpoint(path), error);
    if (!error) return fail(Errc::unavailable, path + ": another process answers there already");
  }
  struct stat status{};
  if (::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) ::unlink(path.c_str());

  std::unique_ptr<UnixListener> listener(new UnixListener);
  listener->acceptor_ = std::make_shared<Acceptor>(loop, std::move(on_accept));
  auto& socket = listener->acceptor_->socket;
  socket.open(Local(), error);
  if (!error) {
    const mode_t before = ::umask(0177);
    socket.bind(Local::endpoint(path), error);
    ::umask(before);
    if (!error) listener->path_ = path;  // from here on the file is ours to remove
  }
  if (!error) socket.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    return fail(Errc::unavailable, path + ": cannot listen there: " + error.message());
  }
  loop.post([acceptor = listener->acceptor_] { accept(acceptor); });
  return listener;
}

UnixListener::~UnixListener() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

void UnixListener::close() {
  boost::system::error_code ignored;
  acceptor_->socket.close(ignored);
}

void UnixListener::accept(std::shared_ptr<Acceptor> acceptor) {
  auto& socket = acceptor->socket;
  if (!socket.is_open()) return;
  asio::io_context& context = acceptor->loop.context();
  socket.async_accept(context, [acceptor = std::move(acceptor)](
                                   const boost::system::error_code& error, auto peer) {
    if (error == asio::error::operation_aborted) return;
    if (error) {
      log::warning("accept_failed", {{"error", error.message()}});
      constexpr std::chrono::milliseconds kPause{100};
      acceptor->loop.run_after(kPause, [acceptor] { accept(acceptor); });
      return;
    }
    ucred credentials{};
    socklen_t length = sizeof credentials;
    if (::getsockopt(peer.native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0) {
      acceptor->on_accept(
          std::make_shared<SocketConnection>(acceptor->loop, FileDescriptor(peer.release()),
                                             "local", std::uint16_t{0}),
          credentials.uid);
    }
    accept(acceptor);
  });
}

}  // namespace starling::net
