// Logs: levels and files at run time, and the trace of an account's stanzas.
#include <array>
#include <atomic>
#include <utility>

#include "admin/call.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/run_on.h"

namespace starling::admin {

namespace {

Task<Result<Json>> get_loglevel(Call /*call*/) {
  Json levels = Json::object();
  for (const std::string_view name : log::kSubsystems) {
    levels[std::string(name)] = log::to_string(log::level(*log::subsystem_of(name)));
  }
  co_return levels;
}

Task<Result<Json>> set_loglevel(Call call) {
  const log::Level level = *log::level_of(call.arguments[0]);
  const std::string subsystem = call.text(1);
  if (subsystem.empty()) {
    log::set_level(level);
    co_return Json("all subsystems log from " + call.arguments[0] + " on");
  }
  log::set_level(*log::subsystem_of(subsystem), level);
  co_return Json(subsystem + " logs from " + call.arguments[0] + " on");
}

Task<Result<Json>> reopen_log(Call /*call*/) {
  if (auto done = log::reopen(); !done) co_return std::unexpected(done.error());
  log::info("log_reopened");
  co_return Json("reopened");
}

Task<Result<Json>> rotate_log(Call /*call*/) {
  if (auto done = log::rotate(); !done) co_return std::unexpected(done.error());
  log::info("log_rotated");
  co_return Json("rotated");
}

// TraceQueue: the way from the account's worker to the caller. Bounded: if the caller's loop, or
// the caller, does not keep up, lines are left out and counted.
class TraceQueue : public std::enable_shared_from_this<TraceQueue> {
 public:
  // `most` 0: without end.
  TraceQueue(EventLoop& loop, std::shared_ptr<Audience> audience, std::uint64_t most)
      : loop_(loop), audience_(std::move(audience)), most_(most) {}

  // On the account's worker.
  void push(const core::Trace::Line& line) {
    if (waiting_.load(std::memory_order_relaxed) >= kMaxWaiting) {
      left_out_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    waiting_.fetch_add(1, std::memory_order_relaxed);
    loop_.post([self = shared_from_this(), line] {
      self->waiting_.fetch_sub(1, std::memory_order_relaxed);
      self->show(line);
    });
  }
  [[nodiscard]] std::uint64_t shown() const { return shown_; }
  [[nodiscard]] std::uint64_t left_out() const { return left_out_total_ + left_out_; }

 private:
  static constexpr std::size_t kMaxWaiting = 1'000;

  void show(const core::Trace::Line& line) {
    if (most_ != 0 && shown_ == most_) return;
    if (const std::uint64_t left_out = left_out_.exchange(0)) {
      Json gap = Json::object();
      gap["left_out"] = left_out;
      if (audience_->tell(gap)) {
        left_out_total_ += left_out;
      } else {
        left_out_ += left_out;
      }
    }
    Json one = Json::object();
    one["time"] = xmpp_datetime_us(line.time_us);
    one["direction"] = line.direction == core::Trace::Direction::in ? "in" : "out";
    one["stream"] = line.stream;
    one["session"] = line.session;
    one["jid"] = line.jid.full();
    one["size"] = line.size;
    one["trace_id"] = line.trace_id.str();
    one["xml"] = line.xml;
    if (!audience_->tell(one)) {
      ++left_out_;
      return;
    }
    if (++shown_ == most_) audience_->leave();
  }

  EventLoop& loop_;
  const std::shared_ptr<Audience> audience_;
  const std::uint64_t most_;
  std::atomic<std::size_t> waiting_{0};
  std::atomic<std::uint64_t> left_out_{0};  // since the caller was told
  std::uint64_t left_out_total_ = 0;
  std::uint64_t shown_ = 0;
};

Task<Result<Json>> trace(Call call) {
  const xmpp::Jid jid = call.jid(0);
  if (jid.local().empty() || call.server.host(jid.domain()) == nullptr) {
    co_return fail(Errc::invalid, "not an account of this server: " + jid.str());
  }
  const auto most = call.has(1) ? static_cast<std::uint64_t>(call.integer(1)) : 0;
  const auto queue = std::make_shared<TraceQueue>(*EventLoop::current(), call.audience, most);
  core::Worker& home = call.server.worker(call.server.home_of(jid.bare()));
  const auto watch = [&home, jid, queue] {
    return home.trace().watch(jid, [queue](const core::Trace::Line& line) { queue->push(line); });
  };
  const std::uint64_t id = co_await run_on(home.loop(), watch);
  Json begun = Json::object();
  begun["tracing"] = jid.str();
  call.audience->tell(begun);
  co_await call.audience->gone();
  const auto unwatch = [&home, id] {
    home.trace().unwatch(id);
    return true;
  };
  co_await run_on(home.loop(), unwatch);
  Json result = Json::object();
  result["stanzas"] = queue->shown();
  result["left_out"] = queue->left_out();
  log::info("trace_ended", {{"jid", jid.str()}, {"stanzas", queue->shown()}});
  co_return result;
}

}  // namespace

std::span<const Handler> log_handlers() {
  static constexpr std::array kHandlers{
      Handler{"get_loglevel", get_loglevel},
      Handler{"set_loglevel", set_loglevel},
      Handler{"reopen_log", reopen_log},
      Handler{"rotate_log", rotate_log},
      Handler{"trace", trace},
  };
  return kHandlers;
}

}  // namespace starling::admin
