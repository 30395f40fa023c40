#include "core/retention.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "cluster/cluster.h"
#include "cluster/wire.h"
#include "core/archive.h"
#include "core/server.h"
#include "core/worker.h"

namespace starling::core {

namespace {

constexpr std::uint32_t kEntriesPerWrite = 100;
constexpr std::int64_t kDayUs = std::int64_t{24} * 3'600 * 1'000'000;
constexpr std::int64_t kEveryUs = std::chrono::microseconds(Retention::kEvery).count();
constexpr const char* kMap = "archive-retention";  // of the server's own
constexpr const char* kKey = "walk";

}  // namespace

Task<Result<std::uint64_t>> trim_log(store::Logs& logs, const Gate& gate, std::string owner,
                                     std::string log, store::LogFilter filter, std::uint64_t most) {
  std::uint64_t removed = 0;
  while (removed < most && !gate.closed()) {
    const auto limit =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(most - removed, kEntriesPerWrite));
    const auto page = co_await logs.read(owner, log, filter, limit, false);
    if (!page) co_return std::unexpected(page.error());
    if (page->entries.empty()) break;
    store::LogFilter these = filter;
    these.before = page->entries.back().id + 1;
    const auto gone = co_await logs.trim(owner, log, std::move(these));
    if (!gone) co_return std::unexpected(gone.error());
    removed += *gone;
    if (page->complete) break;
  }
  co_return removed;
}

// Where the walk had come to, on whichever node. How long to wait before it goes on.
Task<Result<Duration>> Retention::recall() {
  const auto value = co_await worker().server().store().maps().get("", kMap, kKey);
  if (!value) co_return std::unexpected(value.error());
  host_.clear();
  after_.clear();
  if (!*value) co_return Duration(0);
  cluster::Decoder in(**value);
  std::string host(in.text());
  std::string after(in.text());
  const auto ended_at_us = static_cast<std::int64_t>(in.number());
  if (in.bad()) co_return Duration(0);
  host_ = std::move(host);
  after_ = std::move(after);
  const std::chrono::microseconds due(ended_at_us == 0 ? 0
                                                       : ended_at_us + kEveryUs - wall_clock_us());
  co_return std::clamp<Duration>(due, Duration(0), kEvery);
}

// False if it is somebody else's walk by now.
Task<bool> Retention::remember(std::int64_t ended_at_us) {
  cluster::Encoder out;
  out.text(host_).text(after_).number(static_cast<std::uint64_t>(ended_at_us));
  std::vector<store::Change> changes;
  changes.push_back({kMap, kKey, std::move(out).take()});
  const auto done =
      co_await worker().server().store().maps().apply("", std::move(changes), fence());
  co_return done || done.error().code != Errc::not_found;
}

// To the first host behind this one, in order of names: what is served may have changed since.
// False if there is none, and the walk is over.
bool Retention::next_host() {
  after_.clear();
  const auto& names = worker().server().host_names();
  const auto next = std::ranges::upper_bound(names, host_);
  host_ = next == names.end() ? std::string() : *next;
  return next != names.end();
}

Task<Duration> Retention::step() {
  if (!recalled_) {
    const auto due = co_await recall();
    if (!due) co_return kFirstAfter;
    recalled_ = true;
    if (*due > Duration(0)) co_return *due;
  }
  if (host_.empty()) next_host();
  const Host* host = worker().server().host(host_);
  const auto limits = host != nullptr ? host->options().archive : config::ArchiveOptions{0, 0};
  bool more = false;  // in this host
  if (limits.expire_after_days != 0 || limits.max_messages != 0) {
    const auto names =
        co_await worker().server().store().accounts().list(host_, after_, kAccountsPerStep);
    if (!names) {
      log::warning("archives_not_trimmed", {{"error", names.error().message}});
      co_return kFirstAfter;
    }
    co_await trim_accounts(*names, limits);
    if (!may_go_on()) co_return kEvery;
    more = names->size() == kAccountsPerStep;
  }
  const bool over = !more && !next_host();
  if (!co_await remember(over ? wall_clock_us() : 0)) co_return kEvery;
  if (!over) co_return kStepEvery;
  log::info("archives_trimmed", {{"removed", std::exchange(removed_, 0)}});
  co_return kEvery;
}

Task<void> Retention::trim_accounts(std::vector<std::string> names, config::ArchiveOptions limits) {
  for (const auto& name : names) {
    const std::string owner = name + "@" + host_;
    for (const std::string_view log : {kArchiveLog, kTransientLog}) {
      const auto trimmed = co_await trim(owner, std::string(log), limits);
      if (!may_go_on()) co_return;
      // The next walk tries again.
      if (!trimmed) {
        log::warning("archive_not_trimmed", {{"jid", owner}, {"error", trimmed.error().message}});
      }
    }
    after_ = name;
  }
}

Task<Result<>> Retention::trim(std::string owner, std::string log, config::ArchiveOptions limits) {
  auto& logs = worker().server().store().logs();
  if (limits.expire_after_days != 0) {
    store::LogFilter old;
    old.before = archive_id_at(wall_clock_us() - limits.expire_after_days * kDayUs);
    const auto removed = co_await trim_log(logs, worker().gate(), owner, log, std::move(old));
    if (!removed) co_return std::unexpected(removed.error());
    removed_ += *removed;
  }
  if (limits.max_messages == 0) co_return Result<>{};
  store::LogFilter all;
  const auto count = co_await logs.count(owner, log, all);
  if (!count) co_return std::unexpected(count.error());
  if (*count <= limits.max_messages) co_return Result<>{};
  const auto removed = co_await trim_log(logs, worker().gate(), owner, log, std::move(all),
                                         *count - limits.max_messages);
  if (!removed) co_return std::unexpected(removed.error());
  removed_ += *removed;
  co_return Result<>{};
}

}  // namespace starling::core
