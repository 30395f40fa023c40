#include "net/socket_connection.h"

#include <sys/socket.h>

#include <cassert>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

namespace starling::net {

namespace {

// How long a closed connection may take to flush and to see the peer's end.
constexpr std::chrono::seconds kCloseGrace{5};
// One connection may take this many scratch buffers in a row before others get their turn.
constexpr int kReadsPerTurn = 4;

}  // namespace

std::string_view to_string(CloseReason reason) {
  switch (reason) {
    case CloseReason::closed_by_us: return "closed-by-us";
    case CloseReason::closed_by_peer: return "closed-by-peer";
    case CloseReason::connection_error: return "connection-error";
    case CloseReason::tls_error: return "tls-error";
  }
  return "?";
}

SocketConnection::SocketConnection(IoLoop& loop, Socket socket, std::string remote_address,
                                   std::uint16_t remote_port)
    : loop_(&loop),
      socket_(std::move(socket)),
      remote_address_(std::move(remote_address)),
      remote_port_(remote_port) {
  boost::system::error_code ignored;
  socket_.native_non_blocking(true, ignored);
}

SocketConnection::~SocketConnection() = default;

void SocketConnection::start(std::shared_ptr<TlsContext> direct_tls) {
  if (direct_tls) tls_ = std::make_unique<TlsSession>(std::move(direct_tls), std::string());
  wait_readable();
}

void SocketConnection::wait_readable() {
  if (waiting_readable_ || !reading_ || state_ == State::dead) return;
  waiting_readable_ = true;
  socket_.async_wait(Socket::wait_read,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       if (error) return;  // moved to another loop, or dead
                       self->waiting_readable_ = false;
                       self->on_readable();
                     });
}

void SocketConnection::on_readable() {
  for (int i = 0; i < kReadsPerTurn && reading_ && state_ != State::dead; ++i) {
    char* scratch = loop_->read_scratch();
    const ssize_t n = ::recv(socket_.native_handle(), scratch, IoLoop::kScratchBytes, 0);
    if (n == 0) return die(CloseReason::closed_by_peer, "");
    if (n < 0) {
      if (errno == EAGAIN || errno == EINTR) break;
      return die(CloseReason::connection_error, std::strerror(errno));
    }
    const std::string_view bytes(scratch, static_cast<std::size_t>(n));
    if (tls_) {
      hand_up_decrypted(bytes);
    } else {
      hand_up(bytes);
    }
    if (static_cast<std::size_t>(n) < IoLoop::kScratchBytes) break;
  }
  wait_readable();
}

void SocketConnection::hand_up(std::string_view bytes) {
  if (state_ == State::open && handler_ != nullptr) handler_->on_data(bytes);
}

void SocketConnection::hand_up_decrypted(std::string_view ciphertext) {
  tls_->feed(ciphertext);
  for (;;) {
    std::size_t got = 0;
    const auto status = tls_->read(loop_->plain_scratch(), IoLoop::kScratchBytes, got);
    if (!tls_->output().empty()) mark_dirty();  // handshake messages, alerts, key updates
    if (tls_->established() && !tls_announced_) {
      tls_announced_ = true;
      if (state_ == State::open && handler_ != nullptr) handler_->on_tls_established();
    }
    if (status == TlsSession::Status::closed) return die(CloseReason::closed_by_peer, "");
    if (status == TlsSession::Status::failed) {
      flush();  // the alert that tells the peer why
      return die(CloseReason::tls_error, tls_->error());
    }
    if (got == 0 || state_ == State::dead) return;
    hand_up({loop_->plain_scratch(), got});
  }
}

void SocketConnection::resume_reading() {
  reading_ = true;
  wait_readable();
}

std::string& SocketConnection::output() {
  if (state_ != State::open) {
    static thread_local std::string nowhere;
    nowhere.clear();
    return nowhere;
  }
  if (out_.empty()) out_ = loop_->take_buffer();
  mark_dirty();
  return out_;
}

void SocketConnection::mark_dirty() {
  if (dirty_) return;
  dirty_ = true;
  loop_->at_turn_end([self = shared_from_this()] {
    self->dirty_ = false;
    self->flush();
  });
}

bool SocketConnection::write_some(std::string_view& bytes) {
  while (!bytes.empty()) {
    const ssize_t n =
        ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return true;
    // Input that came before the reset is still to be read; the read side reports the end.
    die(CloseReason::connection_error, std::strerror(errno));
    return false;
  }
  return true;
}

void SocketConnection::flush() {
  if (state_ == State::dead || waiting_writable_) return;
  if (!tls_ || !tls_announced_) {
    // In the clear: what was queued before start_tls, or the whole stream without TLS.
    if (!tls_ && !out_.empty()) {
      std::string_view rest = out_;
      if (!write_some(rest)) return;
      if (rest.empty()) {
        loop_->give_buffer(std::exchange(out_, {}));
      } else {
        out_.erase(0, out_.size() - rest.size());
        return wait_writable();
      }
    }
  } else if (!out_.empty()) {
    if (tls_->write(out_) == TlsSession::Status::failed) {
      return die(CloseReason::tls_error, tls_->error());
    }
    loop_->give_buffer(std::exchange(out_, {}));
  }
  if (tls_ && !tls_->output().empty()) {
    if (wire_.empty()) {
      wire_.swap(tls_->output());
    } else {
      wire_.append(tls_->output());
      tls_->output().clear();
    }
  }
  if (wire_size() > 0) {
    std::string_view rest = std::string_view(wire_).substr(wire_sent_);
    if (!write_some(rest)) return;
    wire_sent_ = wire_.size() - rest.size();
    if (!rest.empty()) return wait_writable();
    wire_ = {};
    wire_sent_ = 0;
  }
  if (state_ == State::closing && queued_bytes() == 0) finish_closing();
}

void SocketConnection::wait_writable() {
  waiting_writable_ = true;
  socket_.async_wait(Socket::wait_write,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       if (error) return;
                       self->waiting_writable_ = false;
                       self->flush();
                     });
}

void SocketConnection::start_tls(std::shared_ptr<TlsContext> tls, std::string server_name) {
  assert(!tls_);
  flush();  // <proceed/> must leave in the clear
  if (state_ == State::dead) return;
  if (!out_.empty()) return die(CloseReason::connection_error, "<proceed/> cannot be sent");
  tls_ = std::make_unique<TlsSession>(std::move(tls), server_name);
}

std::optional<std::string> SocketConnection::channel_binding(std::string_view type) const {
  return tls_ ? tls_->channel_binding(type) : std::nullopt;
}

void SocketConnection::close() {
  if (state_ != State::open) return;
  state_ = State::closing;
  close_timer_ = loop_->run_after(kCloseGrace, [self = shared_from_this()] {
    self->close_timer_ = 0;
    self->die(CloseReason::closed_by_us, "the peer did not close within its grace time");
  });
  mark_dirty();
  resume_reading();  // to see the peer's end; input is dropped
}

void SocketConnection::finish_closing() {
  if (shut_down_) return;
  shut_down_ = true;
  if (tls_) {
    tls_->shutdown();
    wire_.swap(tls_->output());
    std::string_view rest = wire_;
    if (!rest.empty() && !write_some(rest)) return;
    wire_ = {};  // a close_notify that does not fit is not worth waiting for
  }
  boost::system::error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
}

void SocketConnection::abort() {
  die(CloseReason::closed_by_us, "");
}

void SocketConnection::die(CloseReason reason, std::string_view detail) {
  if (state_ == State::dead) return;
  if (state_ == State::closing && reason != CloseReason::closed_by_us) {
    reason = CloseReason::closed_by_us;  // whichever end came first, we had decided to close
  }
  state_ = State::dead;
  if (close_timer_ != 0) loop_->cancel(std::exchange(close_timer_, 0));
  boost::system::error_code ignored;
  socket_.close(ignored);
  out_ = {};
  wire_ = {};
  wire_sent_ = 0;
  // Never from inside a call of the handler into us.
  loop_->post([self = shared_from_this(), reason, text = std::string(detail)] {
    if (self->handler_ != nullptr) {
      std::exchange(self->handler_, nullptr)->on_disconnected(reason, text);
    }
  });
}

void SocketConnection::move_to(EventLoop& target, Callback arrived) {
  assert(state_ == State::open);
  flush();
  reading_ = false;
  waiting_readable_ = false;
  waiting_writable_ = false;
  const int family = [&] {
    boost::system::error_code ignored;
    return socket_.local_endpoint(ignored).protocol().family();
  }();
  boost::system::error_code error;
  const int fd = socket_.release(error);
  auto& to = static_cast<IoLoop&>(target);
  target.post([self = shared_from_this(), &to, fd, family, arrived = std::move(arrived)]() mutable {
    self->loop_ = &to;
    self->dirty_ = false;
    boost::system::error_code assign_error;
    Socket moved(to.context());
    moved.assign(boost::asio::generic::stream_protocol(family, 0), fd, assign_error);
    self->socket_ = std::move(moved);
    if (!self->out_.empty() || self->wire_size() > 0) self->mark_dirty();
    arrived();
  });
}

}  // namespace starling::net
