#include "core/retention.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "core/archive.h"
#include "core/server.h"
#include "core/worker.h"

namespace starling::core {

namespace {

constexpr std::uint32_t kEntriesPerWrite = 100;
constexpr std::int64_t kDayUs = std::int64_t{24} * 3'600 * 1'000'000;

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

void Retention::start() {
  step_after(kFirstAfter);
}

void Retention::step_after(Duration delay) {
  worker_.loop().run_after(delay, [this] { worker_.gate().spawn(step()); });
}

// To the first host behind this one, in order of names: what is served may have changed since.
// False if there is none, and the walk is over.
bool Retention::next_host() {
  after_.clear();
  const auto& names = worker_.server().host_names();
  const auto next = std::ranges::upper_bound(names, host_);
  host_ = next == names.end() ? std::string() : *next;
  return next != names.end();
}

Task<void> Retention::step() {
  if (host_.empty()) next_host();
  const Host* host = worker_.server().host(host_);
  const auto limits = host != nullptr ? host->options().archive : config::ArchiveOptions{0, 0};
  if (limits.expire_after_days != 0 || limits.max_messages != 0) {
    const auto names =
        co_await worker_.server().store().accounts().list(host_, after_, kAccountsPerStep);
    if (!names) {
      log::warning("archives_not_trimmed", {{"error", names.error().message}});
      co_return step_after(kFirstAfter);
    }
    co_await trim_accounts(*names, limits);
    if (worker_.gate().closed()) co_return;
    if (names->size() == kAccountsPerStep) co_return step_after(kStepEvery);
  }
  if (next_host()) co_return step_after(kStepEvery);
  log::info("archives_trimmed", {{"removed", std::exchange(removed_, 0)}});
  step_after(kEvery);
}

Task<void> Retention::trim_accounts(std::vector<std::string> names, config::ArchiveOptions limits) {
  for (const auto& name : names) {
    const std::string owner = name + "@" + host_;
    for (const std::string_view log : {kArchiveLog, kTransientLog}) {
      const auto trimmed = co_await trim(owner, std::string(log), limits);
      if (worker_.gate().closed()) co_return;
      // The next walk tries again.
      if (!trimmed) {
        log::warning("archive_not_trimmed", {{"jid", owner}, {"error", trimmed.error().message}});
      }
    }
    after_ = name;
  }
}

Task<Result<>> Retention::trim(std::string owner, std::string log, config::ArchiveOptions limits) {
  auto& logs = worker_.server().store().logs();
  if (limits.expire_after_days != 0) {
    store::LogFilter old;
    old.before = archive_id_at(wall_clock_us() - limits.expire_after_days * kDayUs);
    const auto removed = co_await trim_log(logs, worker_.gate(), owner, log, std::move(old));
    if (!removed) co_return std::unexpected(removed.error());
    removed_ += *removed;
  }
  if (limits.max_messages == 0) co_return Result<>{};
  store::LogFilter all;
  const auto count = co_await logs.count(owner, log, all);
  if (!count) co_return std::unexpected(count.error());
  if (*count <= limits.max_messages) co_return Result<>{};
  const auto removed = co_await trim_log(logs, worker_.gate(), owner, log, std::move(all),
                                         *count - limits.max_messages);
  if (!removed) co_return std::unexpected(removed.error());
  removed_ += *removed;
  co_return Result<>{};
}

}  // namespace starling::core
