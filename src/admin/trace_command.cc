// The stanzas of one account's streams, wherever in the cluster they are, while they pass: each
// node collects what passes there (core/trace.h), and is asked for it a few times a second.
#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "admin/ask_all.h"
#include "admin/audit.h"
#include "admin/call.h"
#include "admin/until_gone.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/run_on.h"

namespace starling::admin {

namespace {

using core::Trace;

constexpr const char* kLines = "trace_lines";
constexpr std::chrono::milliseconds kLookEvery{200};
// Whoever asked does so no more: his node is gone.
constexpr std::chrono::seconds kForgotten{30};
constexpr std::size_t kMostWaiting = 1'000;
constexpr std::size_t kMostWaitingBytes = 4 * 1024 * 1024;

Json describe(const Trace::Line& line) {
  Json one = Json::object();
  one["time"] = xmpp_datetime_us(line.time_us);
  one["direction"] = line.direction == Trace::Direction::in ? "in" : "out";
  one["stream"] = line.stream;
  one["session"] = line.session;
  one["jid"] = line.jid.full();
  one["size"] = line.size;
  one["trace_id"] = line.trace_id.str();
  one["xml"] = line.xml;
  return one;
}

// What passed on this node since it was asked for last, for one who traces. On the account's
// worker.
class Collected {
 public:
  void push(const Trace::Line& line) {
    if (lines_.size() >= kMostWaiting || bytes_ >= kMostWaitingBytes) {
      ++left_out_;
      return;
    }
    bytes_ += line.xml.size();
    lines_.push_back(Json::array({line.time_us, describe(line)}));
  }

  // {"lines": [[TIME_US, {...}], ...], "left_out": COUNT}
  Json take() {
    bytes_ = 0;
    asked_ = true;
    return {{"lines", std::exchange(lines_, Json::array())},
            {"left_out", std::exchange(left_out_, 0)}};
  }
  // True if it was taken from since this was asked last.
  bool wanted() { return std::exchange(asked_, false); }

 private:
  Json lines_ = Json::array();
  std::size_t bytes_ = 0;
  std::uint64_t left_out_ = 0;
  bool asked_ = true;
};

// Those that a node has, on all its workers, by the name that who traces has given it.
class Collections : public std::enable_shared_from_this<Collections> {
 public:
  struct Wanted {
    std::string name;
    xmpp::Jid jid;
    bool bodies = false;
  };

  Task<Result<std::string>> lines(core::Server& server, std::string arguments) {
    const Json asked = Json::parse(arguments, nullptr, false);
    if (!asked.is_object()) co_return fail(Errc::invalid, "not a question about a trace");
    auto jid = xmpp::Jid::parse(asked.value("jid", ""));
    if (!jid) co_return fail(Errc::invalid, "not an address");
    Wanted wanted{.name = asked.value("name", ""),
                  .jid = std::move(*jid),
                  // Each node's own configuration decides.
                  .bodies = asked.value("bodies", false) && server.trace_bodies()};
    core::Worker& home = server.worker(server.home_of(wanted.jid.bare()));
    const bool ends = asked.value("ends", false);
    const auto collect = [self = shared_from_this(), &home, wanted = std::move(wanted), ends] {
      return to_bytes(ends ? self->end(home, wanted.name) : self->take(home, wanted));
    };
    co_return co_await run_on(home.loop(), collect);
  }

 private:
  struct Entry {
    std::shared_ptr<Collected> collected;
    std::uint64_t watch = 0;
  };

  // On the account's worker.
  Json take(core::Worker& home, const Wanted& wanted) {
    const std::scoped_lock lock(mutex_);
    const auto [entry, added] = entries_.try_emplace(wanted.name);
    if (added) {
      entry->second.collected = std::make_shared<Collected>();
      entry->second.watch = home.trace().watch(
          wanted.jid,
          [collected = entry->second.collected](const Trace::Line& line) { collected->push(line); },
          wanted.bodies ? Trace::Texts::shown : Trace::Texts::lengths);
      end_when_forgotten(home, wanted.name);
    }
    return entry->second.collected->take();
  }

  Json end(core::Worker& home, const std::string& name) {
    const std::scoped_lock lock(mutex_);
    const auto entry = entries_.find(name);
    if (entry == entries_.end()) return {{"lines", Json::array()}, {"left_out", 0}};
    home.trace().unwatch(entry->second.watch);
    Json last = entry->second.collected->take();
    entries_.erase(entry);
    return last;
  }

  void end_when_forgotten(core::Worker& home, const std::string& name) {
    home.loop().run_after(kForgotten, [self = shared_from_this(), &home, name] {
      bool wanted = false;
      {
        const std::scoped_lock lock(self->mutex_);
        const auto entry = self->entries_.find(name);
        if (entry == self->entries_.end()) return;
        wanted = entry->second.collected->wanted();
      }
      if (wanted) return self->end_when_forgotten(home, name);
      self->end(home, name);
    });
  }

  std::mutex mutex_;
  std::map<std::string, Entry> entries_;  // guarded by mutex_
};

// What goes on until the caller is gone.
struct Tracing {
  core::Server& server;
  std::shared_ptr<Audience> audience;
  const std::string name = random_token(16);
  const xmpp::Jid jid;
  const bool bodies;
  const std::uint64_t most;  // 0: without end
  std::uint64_t shown = 0;
  std::uint64_t left_out = 0;
  std::uint64_t left_out_told = 0;

  [[nodiscard]] Json question(bool ends) const {
    return {{"name", name}, {"jid", jid.str()}, {"bodies", bodies}, {"ends", ends}};
  }

  void show(const Json& line) {
    if (most != 0 && shown == most) return;
    if (left_out > left_out_told && audience->tell({{"left_out", left_out - left_out_told}})) {
      left_out_told = left_out;
    }
    if (!audience->tell(line)) {
      ++left_out;
      return;
    }
    if (++shown == most) audience->leave();
  }
};

Task<void> look(std::shared_ptr<Tracing> tracing, bool ends) {
  const Answers answers = co_await ask_all(tracing->server, kLines, tracing->question(ends));
  for (const auto& [node, answer] : answers.by_node) {
    if (answer.is_object()) tracing->left_out += answer.value("left_out", std::uint64_t{0});
  }
  auto lines = lines_in_time(answers);
  if (lines.empty()) co_return;
  const NodeNames names = co_await node_names(tracing->server);
  for (auto& [node, line] : lines) {
    if (node != 0) line["node"] = names.of(node);
    tracing->show(line);
  }
}

Task<Result<Json>> run(Call call, bool bodies) {
  const xmpp::Jid jid = call.jid(0);
  if (jid.local().empty() || call.server.host(jid.domain()) == nullptr) {
    co_return fail(Errc::invalid, "not an account of this server: " + jid.str());
  }
  const auto tracing = std::make_shared<Tracing>(
      Tracing{.server = call.server,
              .audience = call.audience,
              .jid = jid,
              .bodies = bodies,
              .most = call.has(1) ? static_cast<std::uint64_t>(call.integer(1)) : 0});
  co_await look(tracing, false);  // from now on all nodes collect
  Json begun = Json::object();
  begun["tracing"] = jid.str();
  call.audience->tell(begun);
  const auto look_once = [tracing] { return look(tracing, false); };
  co_await until_gone(call.server, call.audience, kLookEvery, look_once);
  co_await look(tracing, true);
  Json result = Json::object();
  result["stanzas"] = tracing->shown;
  result["left_out"] = tracing->left_out;
  log::info("trace_ended", {{"jid", jid.str()}, {"stanzas", tracing->shown}});
  co_return result;
}

Task<Result<Json>> trace(Call call) {
  co_return co_await run(std::move(call), false);
}

Task<Result<Json>> trace_bodies(Call call) {
  if (!call.server.trace_bodies()) {
    co_return fail(Errc::denied, "the option trace_bodies does not allow it");
  }
  AuditRecord record{.who = call.caller.who,
                     .from = call.caller.from,
                     .command = "trace_bodies",
                     .arguments = {{"jid", call.text(0)}},
                     .result = "begun"};
  co_await write_audit(call.server.store().logs(), std::move(record));
  co_return co_await run(std::move(call), true);
}

}  // namespace

std::span<const Handler> trace_handlers() {
  static constexpr std::array kHandlers{
      Handler{"trace", trace},
      Handler{"trace_bodies", trace_bodies},
  };
  return kHandlers;
}

void add_trace_procedures(core::Procedures& procedures) {
  procedures[kLines] = [collections = std::make_shared<Collections>()](core::Server& server,
                                                                       std::string arguments) {
    return collections->lines(server, std::move(arguments));
  };
}

}  // namespace starling::admin
