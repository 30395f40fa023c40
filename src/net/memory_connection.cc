#include "net/memory_connection.h"

#include <algorithm>
#include <cassert>
#include <chrono>

namespace starling::net {

namespace {

constexpr std::chrono::seconds kCloseGrace{5};

}  // namespace

void MemoryConnection::peer_sends(std::string_view bytes) {
  assert(!peer_closed_ && (!tls_started_ || tls_ != nullptr));
  if (state_ != State::open) return;
  if (!reading_ || !in_.empty()) {
    in_ += bytes;
    return;
  }
  const auto alive = shared_from_this();
  if (handler_ != nullptr) handler_->on_data(bytes);
}

void MemoryConnection::peer_closes() {
  peer_closed_ = true;
  hand_up();
}

void MemoryConnection::peer_resets() {
  ended_ = true;
  die(CloseReason::connection_error);
}

void MemoryConnection::peer_takes(std::size_t bytes) {
  window_ = bytes;
  flush();
}

void MemoryConnection::peer_completes_tls(const PretendedTls& tls) {
  tls_started_ = true;
  tls_ = &tls;
  if (state_ == State::open && handler_ != nullptr) handler_->on_tls_established();
}

void MemoryConnection::resume_reading() {
  reading_ = true;
  if (in_.empty() && !peer_closed_) return;
  loop_->post([self = shared_from_this()] { self->hand_up(); });
}

// What waited while reading was paused, then the peer's end.
void MemoryConnection::hand_up() {
  if (!reading_ || state_ == State::dead) return;
  const auto alive = shared_from_this();
  const std::string bytes = std::exchange(in_, {});
  if (!bytes.empty() && state_ == State::open && handler_ != nullptr) handler_->on_data(bytes);
  if (!peer_closed_ || !reading_ || state_ == State::dead) return;
  flush();
  die(CloseReason::closed_by_peer);
}

std::string& MemoryConnection::output() {
  if (state_ != State::open) {
    static thread_local std::string nowhere;
    nowhere.clear();
    return nowhere;
  }
  mark_dirty();
  return out_;
}

void MemoryConnection::mark_dirty() {
  if (dirty_) return;
  dirty_ = true;
  loop_->at_turn_end([self = shared_from_this()] {
    self->dirty_ = false;
    self->flush();
  });
}

void MemoryConnection::flush() {
  if (state_ == State::dead) return;
  const std::size_t taken = std::min(window_, out_.size());
  if (taken > 0) {
    const std::string bytes = std::exchange(out_, {});
    out_ = bytes.substr(taken);
    if (window_ != kTakesAll) window_ -= taken;
    peer_->on_bytes(std::string_view(bytes).substr(0, taken));
  }
  if (state_ == State::closing && out_.empty() && !std::exchange(ended_, true)) {
    peer_->on_end(false);
  }
}

void MemoryConnection::start_tls(std::shared_ptr<TlsContext> /*tls*/, std::string /*server_name*/) {
  assert(!tls_started_);
  flush();
  if (!out_.empty()) return die(CloseReason::connection_error);
  tls_started_ = true;
}

std::optional<std::string> MemoryConnection::channel_binding(std::string_view type) const {
  if (tls_ == nullptr) return std::nullopt;
  for (const auto& [name, data] : tls_->channel_bindings) {
    if (name == type) return data;
  }
  return std::nullopt;
}

void MemoryConnection::close() {
  if (state_ != State::open) return;
  state_ = State::closing;
  close_timer_ = loop_->run_after(kCloseGrace, [self = shared_from_this()] {
    self->close_timer_ = 0;
    self->die(CloseReason::closed_by_us);
  });
  mark_dirty();
  resume_reading();
}

void MemoryConnection::abort() {
  die(CloseReason::closed_by_us);
}

void MemoryConnection::die(CloseReason reason) {
  if (state_ == State::dead) return;
  if (state_ == State::closing) reason = CloseReason::closed_by_us;
  state_ = State::dead;
  if (close_timer_ != 0) loop_->cancel(std::exchange(close_timer_, 0));
  out_ = {};
  in_ = {};
  loop_->post([self = shared_from_this(), reason] {
    if (!self->ended_ && !self->peer_closed_) self->peer_->on_end(true);
    self->ended_ = true;
    if (self->handler_ != nullptr) {
      std::exchange(self->handler_, nullptr)->on_disconnected(reason, "");
    }
  });
}

void MemoryConnection::move_to(EventLoop& target, Callback arrived) {
  assert(state_ == State::open);
  reading_ = false;
  // At the end of the turn nothing of ours is left on this loop.
  loop_->at_turn_end([self = shared_from_this(), &target, arrived = std::move(arrived)]() mutable {
    target.post([self = std::move(self), &target, arrived = std::move(arrived)]() mutable {
      self->loop_ = &target;
      arrived();
    });
  });
}

}  // namespace starling::net
