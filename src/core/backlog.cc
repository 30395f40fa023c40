#include "core/backlog.h"

#include <utility>

#include "base/log.h"
#include "base/metrics.h"
#include "core/worker.h"

namespace starling::core {

std::size_t Backlog::of(std::string_view bare) const {
  const AccountTurns& turns = worker_.turns();
  const std::size_t waiting = turns.busy(bare) ? turns.waiting(bare) : 0;
  const LocalAccount* account = worker_.directory().find(bare);
  return waiting + (account != nullptr ? account->appending : 0);
}

bool Backlog::wait(std::string_view bare, Callback then) {
  if (of(bare) < kMuch) return false;
  waiting_[std::string(bare)].push_back(std::move(then));
  return true;
}

bool Backlog::refuses(std::string_view bare) {
  static metrics::Counter& refused =
      metrics::counter("starling_backlog_refusals_total",
                       "Stanzas refused because too many waited for their account");
  const std::size_t under_way = of(bare);
  if (under_way < kTooMuch) return false;
  refused.add();
  if (refused_.insert(std::string(bare)).second) {
    log::warning("account_backlog_full", {{"jid", bare}, {"stanzas", under_way}});
  }
  return true;
}

void Backlog::worked(const std::string& bare) {
  if (waiting_.empty() && refused_.empty()) return;
  const std::size_t left = of(bare);
  if (left < kTooMuch / 2) refused_.erase(bare);
  if (left >= kMuch / 2) return;
  const auto entry = waiting_.extract(bare);
  if (entry.empty()) return;
  // Not from inside of a step: they go on reading.
  for (Callback& then : entry.mapped()) worker_.loop().post(std::move(then));
}

}  // namespace starling::core
