#include "net/socket_connection.h"

#include <sys/socket.h>
#include <unistd.h>

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
// What TLS itself may have to say (key updates) to a peer that asks for it but does not read.
constexpr std::size_t kMaxUnreadTlsTalk = 16'384;

}  // namespace

// A file descriptor between two loops: closed if it never arrives.
class SocketConnection::Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

std::string_view to_string(CloseReason reason) {
  switch (reason) {
    case CloseReason::closed_by_us:
      return "closed-by-us";
    case CloseReason::closed_by_peer:
      return "closed-by-peer";
    case CloseReason::connection_error:
      return "connection-error";
    case CloseReason::tls_error:
      return "tls-error";
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
  socket_->native_non_blocking(true, ignored);
}

SocketConnection::~SocketConnection() = default;

std::size_t SocketConnection::queued_bytes() const {
  return out_.size() + wire_size() + (tls_ ? tls_->output().size() : 0);
}

void SocketConnection::start(std::shared_ptr<TlsContext> direct_tls) {
  if (state_ != State::open) return;
  if (direct_tls) tls_ = std::make_unique<TlsSession>(std::move(direct_tls), std::string());
  wait_readable();
}

void SocketConnection::wait_readable() {
  if (waiting_readable_ || !reading_ || state_ == State::dead) return;
  waiting_readable_ = true;
  socket_->async_wait(Socket::wait_read,
                      [self = shared_from_this()](const boost::system::error_code& error) {
                        self->waiting_readable_ = false;
                        if (self->move_) return self->depart();
                        if (!error) self->on_readable();
                      });
}

void SocketConnection::on_readable() {
  for (int i = 0; i < kReadsPerTurn && reading_ && state_ != State::dead; ++i) {
    char* scratch = loop_->read_scratch();
    const ssize_t n = ::recv(socket_->native_handle(), scratch, IoLoop::kScratchBytes, 0);
    if (n == 0) return on_input_end();
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
    if (status == TlsSession::Status::closed) return on_input_end();
    if (status == TlsSession::Status::failed) {
      flush();  // the alert that tells the peer why
      return die(CloseReason::tls_error, tls_->error());
    }
    if (waiting_writable_ && tls_->output().size() > kMaxUnreadTlsTalk) {
      return die(CloseReason::tls_error, "the peer asks and does not read");
    }
    if (got == 0 || state_ == State::dead) return;
    hand_up({loop_->plain_scratch(), got});
  }
}

// FIN or close_notify. What answers the peer's last words was queued in this turn perhaps, and the
// peer may still read: it leaves before the connection goes.
void SocketConnection::on_input_end() {
  if (state_ == State::dead) return;
  reading_ = false;
  flush();
  if (state_ == State::closing && queued_bytes() > 0) {
    input_ended_ = true;  // flush() goes on; the grace time bounds it
    return;
  }
  if (queued_bytes() == 0) finish_closing();
  die(CloseReason::closed_by_peer, "");
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
    self->depart();
  });
}

// Sends from the front of `bytes` what the kernel takes. False if the connection cannot send any
// more; what was queued is gone then.
bool SocketConnection::write_some(std::string_view& bytes) {
  while (!bytes.empty()) {
    const ssize_t n =
        ::send(socket_->native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return true;
    const bool peer_gone = errno == EPIPE || errno == ECONNRESET || errno == ETIMEDOUT;
    if (!peer_gone || !reading_) {
      die(CloseReason::connection_error, std::strerror(errno));
      return false;
    }
    // Input that came before the reset is still to be read; the read side reports the end.
    out_ = {};
    wire_ = {};
    wire_sent_ = 0;
    if (tls_) tls_->output().clear();
    return false;
  }
  return true;
}

void SocketConnection::flush() {
  if (state_ == State::dead || waiting_writable_) return;
  if (!tls_) {
    if (!flush_plain()) return;
  } else {
    // What is encrypted already leaves before more is: so only one round of it is ever held.
    if (!flush_wire() || !encrypt() || !flush_wire()) return;
  }
  if (state_ == State::closing && queued_bytes() == 0) finish_closing();
}

// These return true when nothing of theirs is left.
bool SocketConnection::flush_plain() {
  std::string_view rest = out_;
  if (rest.empty()) return true;
  if (!write_some(rest)) return false;
  if (!rest.empty()) {
    out_.erase(0, out_.size() - rest.size());
    wait_writable();
    return false;
  }
  loop_->give_buffer(std::exchange(out_, {}));
  return true;
}

bool SocketConnection::flush_wire() {
  if (wire_.empty()) wire_.swap(tls_->output());
  if (wire_.empty()) return true;
  std::string_view rest = std::string_view(wire_).substr(wire_sent_);
  if (!write_some(rest)) return false;
  wire_sent_ = wire_.size() - rest.size();
  if (!rest.empty()) {
    wait_writable();
    return false;
  }
  loop_->give_buffer(std::exchange(wire_, {}));
  wire_sent_ = 0;
  return tls_->output().empty() || flush_wire();
}

// False if TLS has failed. Until the handshake is over, what is queued stays queued.
bool SocketConnection::encrypt() {
  if (!tls_announced_ || out_.empty()) return true;
  if (tls_->output().empty()) tls_->output() = loop_->take_buffer();
  if (tls_->write(out_) != TlsSession::Status::ok) {
    die(CloseReason::tls_error, tls_->error());
    return false;
  }
  loop_->give_buffer(std::exchange(out_, {}));
  return true;
}

void SocketConnection::wait_writable() {
  if (move_) return;  // goes on where it arrives
  waiting_writable_ = true;
  socket_->async_wait(Socket::wait_write,
                      [self = shared_from_this()](const boost::system::error_code& error) {
                        self->waiting_writable_ = false;
                        if (self->move_) return self->depart();
                        if (!error) self->flush();
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
  if (tls_ && !tls_announced_) out_ = {};  // there is no way to send it
  close_timer_ = loop_->run_after(kCloseGrace, [self = shared_from_this()] {
    self->close_timer_ = 0;
    self->die(CloseReason::closed_by_us, "the peer did not close within its grace time");
  });
  mark_dirty();
  resume_reading();  // to see the peer's end; input is dropped
}

// Ends the sending side: close_notify, FIN.
void SocketConnection::finish_closing() {
  if (shut_down_) return;
  shut_down_ = true;
  if (tls_) {
    tls_->shutdown();
    std::string_view rest = tls_->output();
    if (!write_some(rest)) return;
    tls_->output() = {};  // a close_notify that does not fit is not worth waiting for
  }
  boost::system::error_code ignored;
  socket_->shutdown(Socket::shutdown_send, ignored);
  if (input_ended_) die(CloseReason::closed_by_us, "");
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
  if (socket_) socket_->close(ignored);
  ticket_ = {};
  out_ = {};
  wire_ = {};
  wire_sent_ = 0;
  if (tls_) tls_->output() = {};
  if (move_) {
    move_->ended.emplace(reason, detail);
    return;
  }
  report_end(reason, std::string(detail));
}

// Never from inside a call of the handler into us.
void SocketConnection::report_end(CloseReason reason, std::string text) {
  loop_->post([self = shared_from_this(), reason, text = std::move(text)] {
    if (self->handler_ != nullptr) {
      std::exchange(self->handler_, nullptr)->on_disconnected(reason, text);
    }
  });
}

void SocketConnection::move_to(EventLoop& target, Callback arrived) {
  assert(state_ == State::open && !move_);
  reading_ = false;
  move_ =
      std::make_unique<Move>(Move{static_cast<IoLoop*>(&target), std::move(arrived), std::nullopt});
  flush();
  boost::system::error_code ignored;
  if (waiting_readable_ || waiting_writable_) socket_->cancel(ignored);
  mark_dirty();  // departs at the end of this turn, when no call of ours is under way
}

// Leaves this loop as soon as no handler of ours waits on it: one that ran here after the
// connection is used by another thread would race with it.
void SocketConnection::depart() {
  if (!move_ || waiting_readable_ || waiting_writable_ || dirty_) return;
  int family = 0;
  int fd = -1;
  if (state_ != State::dead) {
    boost::system::error_code error;
    family = socket_->local_endpoint(error).protocol().family();
    fd = socket_->release(error);
  }
  socket_.reset();
  IoLoop& target = *move_->target;
  target.post([self = shared_from_this(), descriptor = Descriptor(fd), family]() mutable {
    self->arrive(std::move(descriptor), family);
  });
}

void SocketConnection::arrive(Descriptor descriptor, int family) {
  const std::unique_ptr<Move> move = std::exchange(move_, nullptr);
  loop_ = move->target;
  if (state_ != State::dead) {
    boost::system::error_code error;
    Socket socket(loop_->context());
    socket.assign(boost::asio::generic::stream_protocol(family, 0), descriptor.get(), error);
    if (error) {
      die(CloseReason::connection_error, error.message());
    } else {
      descriptor.release();
      socket_.emplace(std::move(socket));
      if (queued_bytes() > 0) mark_dirty();
    }
  }
  move->arrived();
  if (move->ended) report_end(move->ended->first, std::move(move->ended->second));
}

}  // namespace starling::net
