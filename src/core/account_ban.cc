#include "core/account_ban.h"

#include <charconv>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "core/in_turn.h"
#include "core/node_calls.h"
#include "core/remote.h"
#include "core/server.h"
#include "core/worker.h"

namespace starling::core {

namespace {

constexpr std::string_view kMap = "ban";
constexpr std::string_view kReason = "reason";
constexpr std::string_view kBy = "by";
constexpr std::string_view kSince = "since";

store::Change change(std::string_view key, std::optional<std::string> value) {
  return {std::string(kMap), std::string(key), std::move(value)};
}

// In the account's turn: no binding is under way, and no removal of the account.
Task<Result<std::size_t>> ban_in_turn(Worker& home, xmpp::Jid account, AccountBan ban) {
  store::Store& store = home.server().store();
  const auto found =
      co_await store.accounts().find(std::string(account.domain()), std::string(account.local()));
  if (!found) co_return std::unexpected(found.error());
  std::vector<store::Change> changes;
  changes.push_back(change(kReason, ban.reason));
  changes.push_back(change(kBy, ban.by));
  changes.push_back(change(kSince, std::to_string(ban.since_us)));
  const auto stored = co_await store.maps().apply(std::string(account.full()), std::move(changes));
  if (!stored) co_return std::unexpected(stored.error());
  const std::size_t ended = home.end_sessions(
      account.full(), xmpp::StreamCondition::policy_violation,
      ban.reason.empty() ? "the account is disabled" : "the account is disabled: " + ban.reason);
  log::info("account_banned", {{"jid", account.full()}, {"by", ban.by}, {"sessions", ended}});
  co_return ended;
}

Task<Result<bool>> unban_in_turn(Worker& home, xmpp::Jid account) {
  store::Store& store = home.server().store();
  const auto found =
      co_await store.accounts().find(std::string(account.domain()), std::string(account.local()));
  if (!found) co_return std::unexpected(found.error());
  const auto ban = co_await ban_of(store, account);
  if (!ban) co_return std::unexpected(ban.error());
  if (!*ban) co_return false;
  std::vector<store::Change> changes;
  for (const auto key : {kReason, kBy, kSince}) changes.push_back(change(key, std::nullopt));
  const auto stored = co_await store.maps().apply(std::string(account.full()), std::move(changes));
  if (!stored) co_return std::unexpected(stored.error());
  log::info("account_unbanned", {{"jid", account.full()}});
  co_return true;
}

}  // namespace

Task<Result<std::size_t>> ban_account(Server& server, xmpp::Jid account, std::string reason,
                                      std::string by) {
  if (const auto node = other_place(server, account); node != 0) {
    cluster::Encoder arguments;
    arguments.text(account.full()).text(reason).text(by);
    const auto ended = co_await call_node(server, node, "ban_account", std::move(arguments).take());
    if (!ended) co_return std::unexpected(ended.error());
    cluster::Decoder in(*ended);
    co_return in.number();
  }
  AccountBan ban{std::move(reason), std::move(by), wall_clock_us()};
  std::move_only_function<Task<Result<std::size_t>>(Worker&)> work =
      [account, ban = std::move(ban)](Worker& home) { return ban_in_turn(home, account, ban); };
  co_return co_await in_turn(server, account, std::move(work));
}

Task<Result<bool>> unban_account(Server& server, xmpp::Jid account) {
  if (const auto node = other_place(server, account); node != 0) {
    cluster::Encoder arguments;
    arguments.text(account.full());
    const auto was_banned =
        co_await call_node(server, node, "unban_account", std::move(arguments).take());
    if (!was_banned) co_return std::unexpected(was_banned.error());
    cluster::Decoder in(*was_banned);
    co_return in.number() != 0;
  }
  std::move_only_function<Task<Result<bool>>(Worker&)> work = [account](Worker& home) {
    return unban_in_turn(home, account);
  };
  co_return co_await in_turn(server, account, std::move(work));
}

Task<Result<std::optional<AccountBan>>> ban_of(store::Store& store, xmpp::Jid account) {
  const auto entries = co_await store.maps().scan(std::string(account.bare()), std::string(kMap));
  if (!entries) co_return std::unexpected(entries.error());
  if (entries->empty()) co_return std::nullopt;
  AccountBan ban;
  for (const auto& [key, value] : *entries) {
    if (key == kReason) ban.reason = value;
    if (key == kBy) ban.by = value;
    if (key == kSince) std::from_chars(value.data(), value.data() + value.size(), ban.since_us);
  }
  co_return ban;
}

}  // namespace starling::core
