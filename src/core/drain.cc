#include "core/drain.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/pause.h"
#include "core/remote.h"
#include "core/server.h"
#include "core/worker.h"

namespace starling::core {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

namespace {
constexpr std::chrono::milliseconds kPause{50};  // between two batches
// Who is still there was in no state to leave: being bound, say, or handed over.
constexpr std::chrono::seconds kAskAgain{2};
constexpr std::chrono::seconds kInHand{5};
}  // namespace

config::DrainOptions unhurried(config::DrainOptions options, std::int64_t sessions) {
  options.deadline += std::chrono::seconds(sessions / options.rate + 1);
  return options;
}

config::DrainOptions hurried(config::DrainOptions options, std::int64_t sessions,
                             std::chrono::seconds within) {
  within = std::max(within, std::chrono::seconds(1));
  options.linger = std::min(options.linger, within / 3);
  options.deadline = within - options.linger;
  const auto needed = static_cast<std::uint32_t>(sessions * 2 / within.count() + 1);
  options.rate = std::max(options.rate, needed);
  return options;
}

void Drain::begin(const config::DrainOptions& options) {
  options_ = options;
  rate_ = options.rate;
  began_at_us_ = wall_clock_us();
  sessions_then_ = server_.session_count();
  begun_ = true;
}

Drain::Status Drain::status() const {
  Status status;
  status.sessions_now = server_.session_count();
  status.begun = begun_;
  if (!status.begun) return status;
  status.sessions_then = sessions_then_;
  status.since = std::chrono::seconds((wall_clock_us() - began_at_us_) / 1'000'000);
  return status;
}

void Drain::press(std::chrono::seconds within) {
  rate_ = std::max(rate_.load(), hurried(options_, server_.session_count(), within).rate);
  pressed_until_ = EventLoop::current()->now() + within;
  pressed_ = true;
}

// How many sessions a worker lets go of between two pauses, and how long these are.
std::pair<std::size_t, Duration> Drain::pace() const {
  const std::uint32_t rate = rate_;
  const std::size_t workers = server_.worker_count();
  const std::size_t batch = rate / workers / (1s / kPause);
  if (batch > 0) return {batch, kPause};
  return {1, std::max<Duration>(kPause, Duration(1s) * workers / rate)};
}

Task<void> Drain::run(Worker& worker) {
  EventLoop& loop = worker.loop();
  const TimePoint last_batch = loop.now() + options_.linger;
  const auto over = [&] {
    const TimePoint end = pressed_ ? pressed_until_.load() : last_batch + options_.deadline;
    return hurried_ || loop.now() >= end;
  };
  TimePoint left = loop.now();
  std::map<SessionId, TimePoint> asked;
  const auto is_due = [&](SessionId id) {
    const auto [at, first] = asked.try_emplace(id, loop.now());
    return first || loop.now() - std::exchange(at->second, loop.now()) >= kAskAgain;
  };
  for (bool first = true; !over(); co_await pause(loop, kPause)) {
    const bool last = loop.now() >= last_batch || hurried_ || pressed_;
    if (!std::exchange(first, false) && !last) continue;
    Visitors& all_visitors = worker.remote().visitors();
    // Who has come since the last look.
    std::vector<SessionRef> sessions;
    worker.directory().for_each([&](const Session& session) {
      if (is_due(session.id)) sessions.push_back({session.jid, session.id});
    });
    std::vector<SessionId> visitors = all_visitors.all();
    std::erase_if(visitors, [&](SessionId id) { return !is_due(id); });
    const std::size_t count = sessions.size() + visitors.size();
    if (count > 0) log::info("draining", {{"worker", worker.index()}, {"sessions", count}});
    for (std::size_t i = 0; i < count && !over(); ++i) {
      const auto [batch, between] = pace();
      if (i > 0 && i % batch == 0) co_await pause(loop, between);
      if (i >= sessions.size()) {
        all_visitors.leave(visitors[i - sessions.size()], Leaving::connection);
      } else if (const Session* session = worker.directory().find(sessions[i])) {
        session->outbox->leave(Leaving::connection);
      }
    }
    if (!last || over()) continue;
    turns_away_ = true;
    // Asked before all else: who has come meanwhile is found among the sessions then.
    const bool none_comes = server_.arriving() == 0;
    if (server_.session_count() > 0) left = loop.now();
    if (none_comes && server_.session_count() == 0 && worker.directory().session_count() == 0 &&
        all_visitors.size() == 0) {
      // What other nodes sent is to be dealt with, and they are to know: they would send it again,
      // to another, and it would come twice. But not for ever: the store may be away.
      worker.remote().take_no_more();
      if (server_.in_hand() == 0 || loop.now() - left >= kInHand) co_return;
    }
  }
}

}  // namespace starling::core
