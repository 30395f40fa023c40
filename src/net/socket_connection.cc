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

SocketConnection::SocketConnection(IoLoop& loop, FileDescriptor socket, std::string remote_address,
                                   std::uint16_t remote_port)
    : loop_(&loop),
      remote_address_(std::move(remote_address)),
      remote_port_(remote_port),
      socket_(std::move(socket)) {}

SocketConnection::~SocketConnection() = default;

std::size_t SocketConnection::queued_bytes() const {
  return out_.size() + (tls_ ? tls_->queued() : 0);
}

void SocketConnection::start(std::shared_ptr<TlsContext> direct_tls) {
  if (state_ == State::dead) return;
  // Refused at once perhaps; then it is watched for the peer's end only, and TLS is not begun.
  if (direct_tls && state_ == State::open) {
    tls_ = std::make_unique<Tls>(std::move(direct_tls), std::string());
  }
  watch();
}

void SocketConnection::watch() {
  watched_ = loop_->readiness().add(socket_.get(), shared_from_this());
  if (!watched_) die(CloseReason::connection_error, std::strerror(errno));
}

void SocketConnection::stop_watching() {
  if (std::exchange(watched_, false)) loop_->readiness().remove(socket_.get(), *this);
}

void SocketConnection::on_ready(std::uint32_t events) {
  if (events == 0) read_planned_ = false;
  if (move_) return depart();
  constexpr std::uint32_t kEnd = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
  if ((events & kEnd) != 0) end_near_ = true;
  if ((events & (kEnd | EPOLLIN)) != 0) readable_ = true;
  if (waiting_writable_ && (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
    waiting_writable_ = false;
    flush();
  }
  if (readable_) read();
}

void SocketConnection::read() {
  for (int i = 0; i < kReadsPerTurn; ++i) {
    if (!reading_ || state_ == State::dead) return;
    char* scratch = loop_->read_scratch();
    const ssize_t n = ::recv(socket_.get(), scratch, IoLoop::kScratchBytes, MSG_DONTWAIT);
    if (n == 0) return on_input_end();
    if (n < 0) {
      if (errno == EINTR) continue;
      readable_ = false;
      if (errno == EAGAIN) return;
      return die(CloseReason::connection_error, std::strerror(errno));
    }
    // A short read has emptied the socket: whatever comes later is a new event. Only an end that
    // was told already is not told again. (Urgent data makes a read short as well; who sends that
    // waits for his own next segment.)
    const bool emptied = static_cast<std::size_t>(n) < IoLoop::kScratchBytes && !end_near_;
    if (emptied) readable_ = false;
    const std::string_view bytes(scratch, static_cast<std::size_t>(n));
    if (tls_) {
      hand_up_decrypted(bytes);
    } else {
      hand_up(bytes);
    }
    if (emptied) return;
  }
  read_soon();
}

// Not at once: others get their turn, and we may be inside of a call of the handler's.
void SocketConnection::read_soon() {
  if (state_ == State::dead || std::exchange(read_planned_, true)) return;
  loop_->readiness().again(shared_from_this());
}

void SocketConnection::hand_up(std::string_view bytes) {
  if (state_ == State::open && handler_ != nullptr) handler_->on_data(bytes);
}

void SocketConnection::hand_up_decrypted(std::string_view ciphertext) {
  tls_->session.feed(ciphertext);
  for (;;) {
    std::size_t got = 0;
    const auto status = tls_->session.read(loop_->plain_scratch(), IoLoop::kScratchBytes, got);
    if (!tls_->session.output().empty()) mark_dirty();  // handshake messages, alerts, key updates
    if (tls_->session.established() && !tls_->announced) {
      tls_->announced = true;
      if (state_ == State::open && handler_ != nullptr) handler_->on_tls_established();
    }
    if (status == TlsSession::Status::closed) return on_input_end();
    if (status == TlsSession::Status::failed) {
      flush();  // the alert that tells the peer why
      return die(CloseReason::tls_error, tls_->session.error());
    }
    if (waiting_writable_ && tls_->session.output().size() > kMaxUnreadTlsTalk) {
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
  if (readable_) read_soon();
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
        ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
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
    drop_ciphertext();
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
    waiting_writable_ = true;
    return false;
  }
  loop_->give_buffer(std::exchange(out_, {}));
  return true;
}

bool SocketConnection::flush_wire() {
  if (tls_->wire.empty()) tls_->wire.swap(tls_->session.output());
  if (tls_->wire.empty()) return true;
  std::string_view rest = std::string_view(tls_->wire).substr(tls_->wire_sent);
  if (!write_some(rest)) return false;
  tls_->wire_sent = tls_->wire.size() - rest.size();
  if (!rest.empty()) {
    waiting_writable_ = true;
    return false;
  }
  loop_->give_buffer(std::exchange(tls_->wire, {}));
  tls_->wire_sent = 0;
  return tls_->session.output().empty() || flush_wire();
}

// False if TLS has failed. Until the handshake is over, what is queued stays queued.
bool SocketConnection::encrypt() {
  if (!tls_->announced || out_.empty()) return true;
  if (tls_->session.output().empty()) tls_->session.output() = loop_->take_buffer();
  if (tls_->session.write(out_) != TlsSession::Status::ok) {
    die(CloseReason::tls_error, tls_->session.error());
    return false;
  }
  loop_->give_buffer(std::exchange(out_, {}));
  return true;
}

void SocketConnection::start_tls(std::shared_ptr<TlsContext> tls, std::string server_name) {
  assert(!tls_);
  flush();  // <proceed/> must leave in the clear
  if (state_ == State::dead) return;
  if (!out_.empty()) return die(CloseReason::connection_error, "<proceed/> cannot be sent");
  tls_ = std::make_unique<Tls>(std::move(tls), server_name);
}

std::optional<std::string> SocketConnection::channel_binding(std::string_view type) const {
  return tls_ ? tls_->session.channel_binding(type) : std::nullopt;
}

void SocketConnection::close() {
  if (state_ != State::open) return;
  state_ = State::closing;
  if (tls_ && !tls_->announced) out_ = {};  // there is no way to send it
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
    tls_->session.shutdown();
    std::string_view rest = tls_->session.output();
    if (!write_some(rest)) return;
    tls_->session.output() = {};  // a close_notify that does not fit is not worth waiting for
  }
  ::shutdown(socket_.get(), SHUT_WR);
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
  stop_watching();
  socket_.close();
  ticket_ = {};
  out_ = {};
  drop_ciphertext();
  if (move_) {
    move_->ended.emplace(reason, detail);
    return;
  }
  report_end(reason, std::string(detail));
}

void SocketConnection::drop_ciphertext() {
  if (!tls_) return;
  tls_->wire = {};
  tls_->wire_sent = 0;
  tls_->session.output() = {};
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
  stop_watching();
  mark_dirty();  // departs at the end of this turn, when no call of ours is under way
}

// Leaves this loop as soon as nothing of ours waits on it: what ran here after the connection is
// used by another thread would race with it.
void SocketConnection::depart() {
  if (!move_ || dirty_ || read_planned_) return;
  move_->target->post([self = shared_from_this()] { self->arrive(); });
}

void SocketConnection::arrive() {
  const std::unique_ptr<Move> move = std::exchange(move_, nullptr);
  loop_ = move->target;
  if (state_ != State::dead) {
    waiting_writable_ = false;
    watch();
    if (queued_bytes() > 0) mark_dirty();
  }
  move->arrived();
  if (move->ended) report_end(move->ended->first, std::move(move->ended->second));
}

}  // namespace starling::net
