// What keeps one client from taking more than its share: its input waits for a shaper and for the
// disk; and who does not read is dropped. The rest of C2sStream is in c2s_stream.cc.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/metrics.h"
#include "core/limits_hit.h"
#include "core/server.h"
#include "stream/c2s_service.h"
#include "stream/c2s_stream.h"

namespace starling::stream {

namespace {
constexpr std::size_t kMaxQueuedBeforeSession = 65'536;

// Stanzas of a client that wait for the disk at once; beyond, nothing more is read from it. While
// the node is short of memory it is a part of that.
constexpr std::size_t kMaxInHand = 2'000;
constexpr std::size_t kMaxInHandBytes = 4 * 1024 * 1024;
constexpr std::size_t kPartWhenShort = 16;
}  // namespace

void C2sStream::pause(Pause why) {
  pauses_ |= static_cast<unsigned>(why);
  connection_->pause_reading();
}

void C2sStream::unpause(Pause why) {
  pauses_ &= ~static_cast<unsigned>(why);
  if (pauses_ == 0 && connection_ && phase_ != Phase::ended) connection_->resume_reading();
}

// With it the stanza is in hand until all that it leads to is durable or answered. A client that
// sends faster than the disk takes is not read meanwhile, or memory would fill up.
xmpp::ReceiptPtr C2sStream::receipt_for(const xml::Document& document) {
  xmpp::ReceiptPtr receipt;
  if (managed_) {
    receipt = managed_->state->received(document.memory());
  } else {
    const auto bytes = static_cast<std::uint32_t>(document.memory());
    ++in_hand_.stanzas;
    in_hand_.bytes += bytes;
    receipt = make_receipt(service_->worker().loop(), weak_from_this(), 0, bytes);
  }
  if (in_hand_exceeds_part(1) && !paused(Pause::in_hand)) {
    core::limit_hit(core::Limit::in_hand);
    pause(Pause::in_hand);
  }
  return receipt;
}

void C2sStream::dealt_with(std::uint32_t /*number*/, std::size_t bytes) {
  --in_hand_.stanzas;
  in_hand_.bytes -= static_cast<std::uint32_t>(bytes);
  read_on();
}

bool C2sStream::in_hand_exceeds_part(std::size_t divisor) const {
  std::size_t stanzas = in_hand_.stanzas;
  std::size_t bytes = in_hand_.bytes;
  if (managed_) {
    stanzas += managed_->state->in_hand();
    bytes += managed_->state->in_hand_bytes();
  }
  core::Server& server = service_->worker().server();
  // Many clients together can be more than the disk takes, however little each has in hand.
  if (server.store().crowded()) return stanzas > 0;
  const bool is_short = server.memory_budget().stage() != core::MemoryBudget::Stage::normal;
  if (is_short) divisor *= kPartWhenShort;
  return stanzas > kMaxInHand / divisor || bytes > kMaxInHandBytes / divisor;
}

void C2sStream::read_on() {
  if (paused(Pause::in_hand) && !in_hand_exceeds_part(2)) unpause(Pause::in_hand);
}

// What is allowed from now on; nullptr: as much as comes.
void C2sStream::use_shaper(std::shared_ptr<const config::Shaper> limits) {
  stop_shaping();
  shaper_ = limits ? std::make_unique<Shaper>(std::move(limits)) : nullptr;
}

std::shared_ptr<const config::Shaper> C2sStream::shaper_of_session() const {
  return options_->shaper ? options_->shaper(subject(&session_->jid)) : nullptr;
}

// The debt stays, the timer goes: before the stream ends, or changes its loop.
void C2sStream::stop_shaping() {
  if (shaper_ && shaper_->timer != 0) {
    service_->worker().loop().cancel(std::exchange(shaper_->timer, 0));
  }
  pauses_ &= ~static_cast<unsigned>(Pause::shaper);
}

void C2sStream::wait_for_shaper() {
  EventLoop& loop = service_->worker().loop();
  const Duration wait = shaper_->wait(loop.now());
  if (wait <= Duration::zero()) {
    if (paused(Pause::shaper)) unpause(Pause::shaper);
    return;
  }
  if (!paused(Pause::shaper)) {
    static auto& delays = metrics::counter(
        "starling_shaper_delays_total", "Times that a stream was not read to keep to its shaper");
    delays.add();
    pause(Pause::shaper);
  }
  // More may have come meanwhile that had been read already: then it waits again.
  shaper_->timer = loop.run_after(wait, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || !self->shaper_) return;
    self->shaper_->timer = 0;
    self->wait_for_shaper();
  });
}

// A client that has no session yet is owed little.
std::size_t C2sStream::max_queued() const {
  return session_ != nullptr ? options_->max_queued_bytes + sent_again_
                             : std::min(options_->max_queued_bytes, kMaxQueuedBeforeSession);
}

// Deliveries and answers alike. Not at once: whoever delivers may be walking over the account's
// sessions, and what one turn queued has not been offered to the client yet.
void C2sStream::watch_queue() {
  if (phase_ == Phase::ended || overflowed_ || connection_->queued_bytes() <= max_queued()) return;
  overflowed_ = true;
  service_->worker().loop().at_turn_end([self = shared_from_this()] { self->drop_if_too_slow(); });
}

void C2sStream::drop_if_too_slow() {
  overflowed_ = false;
  if (phase_ == Phase::ended || phase_ == Phase::detached) return;
  const std::size_t queued = connection_->queued_bytes();
  if (queued <= max_queued()) return;
  static auto& dropped = metrics::counter("starling_slow_readers_dropped_total",
                                          "Clients dropped since they left too much unread");
  dropped.add();
  log_event(log::Level::warning, "client_too_slow",
            {{"queued_bytes", queued}, {"limit", max_queued()}});
  // With stream management nothing is lost by it: the session may be resumed.
  if (!managed_ || managed_->id.empty()) finish();
  connection_->abort();
}

}  // namespace starling::stream
