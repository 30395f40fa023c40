// A node that leaves parks its sessions in the store (core/parking.h), and a stream at any node
// takes them from there (XEP-0198 section 4).
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "base/log.h"
#include "base/pause.h"
#include "cluster/cluster.h"
#include "core/remote.h"
#include "core/server.h"
#include "stream/c2s_service.h"
#include "stream/c2s_stream.h"

namespace starling::stream {

using xmpp::StreamCondition;

namespace {
constexpr std::chrono::milliseconds kLookAgain{20};
constexpr const char* kLeaving = "this node lets sessions go; please connect again";

Result<core::Session*> fail_to_bind(const char* why) {
  return fail(Errc::unavailable, why);
}
}  // namespace

void C2sStream::leave(core::Leaving why) {
  if (session_ == nullptr) return;
  leaving_ = why == core::Leaving::connection || service_->worker().server().drain().begun();
  if (!managed_ || managed_->id.empty()) return send_elsewhere();
  service_->worker().gate().spawn(park(shared_from_this()));
}

// First all that the client has sent is dealt with, so that it need not send it again.
Task<void> C2sStream::park(std::shared_ptr<C2sStream> self) {
  if (std::exchange(being_parked_, true)) co_return;
  if (phase_ == Phase::bound) pause(Pause::replaced);
  const auto state = managed_->state;
  co_await all_dealt_with(state);
  if (session_ == nullptr || !managed_) co_return;
  service_->resumed_elsewhere(managed_->id);  // it is found in the store
  core::StreamState stream = state_to_park();
  if (session_->visiting) {
    being_parked_ = false;  // should it find a new home, it may be parked once more
    if (!leaving_) {
      between_homes_ = std::make_unique<const xmpp::Jid>(session_->jid);
    }
    stream.queue.assign(state->queue().begin(), state->queue().end());
    co_return service_->worker().remote().visitors().park(*session_, stream);
  }
  service_->worker().turns().run(session_->jid.bare(), [this, self] { return park_in_turn(self); });
}

core::StreamState C2sStream::state_to_park() const {
  core::StreamState stream;
  stream.id = managed_->id;
  stream.handled = managed_->state->handled();
  stream.sent = managed_->state->sent_count();
  stream.timeout = managed_->timeout;
  return stream;
}

Task<void> C2sStream::park_in_turn(std::shared_ptr<C2sStream> /*self*/) {
  if (session_ == nullptr) co_return;
  core::StreamState stream = state_to_park();
  stream.queue = managed_->state->take_queue();
  const core::Session& session = *std::exchange(session_, nullptr);
  core::SessionRef ref{session.jid, session.id};
  co_await service_->worker().parking().park(std::move(ref), std::move(stream));
  managed_->state->forgotten();
  if (phase_ == Phase::detached) co_return finish();
  send_elsewhere();
}

void C2sStream::send_elsewhere() {
  const auto* cluster = service_->worker().server().cluster();
  const bool reachable = cluster != nullptr && !options_->over_http;
  const std::string address = reachable ? cluster->client_address_elsewhere() : "";
  if (address.empty()) return stream_error(StreamCondition::system_shutdown, kLeaving);
  stream_error(StreamCondition::see_other_host, address);
}

Task<void> C2sService::until_parked(std::string account, std::string id) {
  for (;;) {
    const C2sStream* former = find_resumable(id);
    if (former == nullptr || !former->being_parked_) break;
    co_await pause(worker_.loop(), kLookAgain);
  }
  if (!worker_.turns().busy(account)) co_return;
  Completion<bool> over([&](auto resume) {
    auto at = std::make_shared<decltype(resume)>(std::move(resume));
    worker_.turns().run(account, [this, at] {
      worker_.loop().post([at] { (*at)(true); });  // not in the turn
      return completed();
    });
  });
  co_await over;
}

// The first parameter of these keeps the stream alive.
Task<void> C2sStream::find_new_home(std::shared_ptr<C2sStream> self, xmpp::Jid full) {
  core::Worker& worker = service_->worker();
  auto counted = std::make_unique<core::Arriving>(worker.server());  // until it is bound
  const xmpp::Jid account = full.to_bare();
  auto parked = co_await worker.parking().claim(account, managed_->id);
  if (!parked) co_return send_elsewhere();
  worker.turns().run(account.str(), [this, self, parked = std::move(*parked),
                                     counted = std::move(counted)]() mutable {
    return settle_at_new_home(self, std::move(parked), std::move(counted));
  });
}

// In the account's turn. Its client does not notice.
Task<void> C2sStream::settle_at_new_home(std::shared_ptr<C2sStream> /*self*/,
                                         core::ParkedSession parked,
                                         std::unique_ptr<core::Arriving> /*counted*/) {
  core::Worker& worker = service_->worker();
  const auto bound = phase_ != Phase::ended ? co_await worker.bind(parked.jid, *this, &parked)
                                            : fail_to_bind("the stream has ended");
  if (!bound) {
    log_event(log::Level::warning, "session_not_bound", {{"error", bound.error().message}});
    if (!co_await leave_for_later(parked, bound.error().code)) {
      co_await worker.parking().end(std::move(parked));
    }
    if (phase_ != Phase::ended) send_elsewhere();
    co_return;
  }
  if (phase_ == Phase::ended) co_return worker.unbind(**bound);
  session_ = *bound;
  const StreamManagement& before = *managed_->state;
  const bool asked = before.asked_and_waiting();
  const std::uint32_t known = before.sent_count();
  go_on_with(std::move(parked));
  log_event(log::Level::info, "session_has_new_home", {});
  // What the former home had sent and did not arrive, and what was missed.
  const auto& queue = managed_->state->queue();
  const std::size_t fresh =
      std::min<std::size_t>(managed_->state->sent_count() - known, queue.size());
  if (phase_ == Phase::bound) {
    for (auto stanza = queue.end() - static_cast<std::ptrdiff_t>(fresh); stanza != queue.end();
         ++stanza) {
      trace_out(*stanza);
      stanza->append_to(connection_->output());
    }
    if (asked) send_acknowledgement();
    if (fresh > 0) ask_for_acknowledgement();
    unpause(Pause::replaced);
  }
  if (session_->visiting) worker.remote().visitors().settled(*session_);
}

// A session that was just bound has the counters and the queue that it had before.
void C2sStream::go_on_with(core::ParkedSession parked) {
  if (!session_->visiting) parked.send_missed();
  // A visitor's home knows them by number.
  std::uint64_t number = 0;
  for (xmpp::Stanza& stanza : parked.stream.queue) {
    if (session_->visiting) stanza.set_archive_id(++number);
  }
  use(std::make_shared<StreamManagement>(service_->worker().loop(), parked.stream.handled,
                                         parked.stream.sent, parked.stream.queue));
  managed_->state->resumable_by(managed_->id);
  managed_->state->noted(parked.stream.handled);  // when it was bound
  service_->resumable(managed_->id, *this);
}

// In the account's turn.
Task<void> C2sStream::resume_parked(std::shared_ptr<C2sStream> self, core::ParkedSession parked,
                                    std::uint32_t h, std::unique_ptr<core::Arriving> /*counted*/) {
  core::Worker& worker = service_->worker();
  const std::string id = parked.stream.id;
  auto bound = phase_ == Phase::binding ? co_await worker.bind(parked.jid, *this, &parked)
                                        : fail_to_bind("the client is gone");
  if (!bound) {
    log_event(log::Level::warning, "session_not_bound", {{"error", bound.error().message}});
    if (co_await leave_for_later(parked, bound.error().code)) {
      co_return stream_error(StreamCondition::system_shutdown, kNotNow);
    }
    const std::string handled = std::to_string(parked.stream.handled);
    co_await worker.parking().end(std::move(parked));
    if (phase_ != Phase::binding) co_return;
    fail_stream_management("item-not-found", " h='" + handled + "'");
    co_return go_on();
  }
  session_ = *bound;
  managed_ = std::make_unique<Managed>();
  managed_->id = id;
  managed_->timeout = parked.stream.timeout;
  go_on_with(std::move(parked));
  core::Session& session = *session_;
  if (phase_ == Phase::binding) {
    resumed(h);
    if (session_ == nullptr) co_return;
  } else if (!keep_without_client(self)) {
    service_->not_resumable(id, *this, managed_->state->handled());
    co_return worker.unbind(*std::exchange(session_, nullptr));
  }
  if (session.visiting) worker.remote().visitors().settled(session);
  if (phase_ == Phase::bound) go_on();
}

// True if its client can resume it later, as nothing but the moment stood in the way.
Task<bool> C2sStream::leave_for_later(const core::ParkedSession& parked, Errc why) {
  if (why == Errc::denied || why == Errc::not_found || why == Errc::limit) co_return false;
  co_return co_await service_->worker().parking().put_back(parked.jid.to_bare(), parked.stream.id);
}

}  // namespace starling::stream
