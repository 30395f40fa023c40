// Accounts: registration, passwords, last activity.
#include <array>
#include <utility>

#include "admin/call.h"
#include "admin/whole_list.h"
#include "base/clock.h"
#include "base/run_on.h"
#include "core/account_removal.h"
#include "core/in_turn.h"
#include "core/last_activity.h"
#include "core/operations.h"

namespace starling::admin {

namespace {

constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kDaySeconds = 86'400;

Task<Result<Json>> register_account(Call call) {
  const xmpp::Jid account = call.account();
  const auto created =
      co_await call.server.authenticator().create_account(account, call.arguments[2]);
  if (!created) co_return std::unexpected(created.error());
  co_return Json("registered " + account.str());
}

Task<Result<Json>> unregister(Call call) {
  const xmpp::Jid account = call.account();
  const auto removed = co_await core::remove_account(call.server, account);
  if (!removed) co_return std::unexpected(removed.error());
  co_return Json("unregistered " + account.str());
}

Task<Result<Json>> change_password(Call call) {
  const xmpp::Jid account = call.account();
  const auto changed =
      co_await call.server.authenticator().change_password(account, call.arguments[2]);
  if (!changed) co_return std::unexpected(changed.error());
  co_return Json("changed the password of " + account.str());
}

Task<Result<Json>> check_account(Call call) {
  co_return Json("there is an account " + call.account().str());
}

Task<Result<Json>> check_password(Call call) {
  const xmpp::Jid account = call.account();
  const auto right =
      co_await call.server.authenticator().check_password(account, call.arguments[2]);
  if (!right) co_return std::unexpected(right.error());
  if (!*right) co_return fail(Errc::denied, "this is not the password of " + account.str());
  co_return Json("this is the password of " + account.str());
}

Task<Result<Json>> registered_users(Call call) {
  const auto limit = wanted_items(call, 2);
  if (!limit) co_return std::unexpected(limit.error());
  const auto names =
      co_await core::registered_names(call.server, call.arguments[0], *limit, call.text(1));
  if (!names) co_return std::unexpected(names.error());
  co_return whole_list(*names);
}

struct Seen {
  bool online = false;
  std::optional<core::LastActivity> last;
};

Task<Result<Seen>> last_seen(core::Server& server, xmpp::Jid account) {
  core::Worker& home = server.worker(server.home_of(account.bare()));
  const auto look = [&home, account] {
    Seen seen;
    const core::LocalAccount* live = home.directory().find(account.bare());
    if (live == nullptr) return seen;
    seen.online = !live->sessions.empty();
    if (const auto* last = live->slots.find<core::LastActivity>()) seen.last = *last;
    return seen;
  };
  Seen seen = co_await run_on(home.loop(), look);
  if (seen.online || seen.last) co_return seen;
  auto stored = co_await core::last_activity(server.store().maps(), account, nullptr);
  if (!stored) co_return std::unexpected(stored.error());
  seen.last = std::move(*stored);
  co_return seen;
}

Task<Result<Json>> num_active_users(Call call) {
  const std::string host = call.arguments[0];
  const std::int64_t since_us =
      wall_clock_us() - std::min(call.integer(1), kDaySeconds) * kDaySeconds * kSecondUs;
  const auto names = co_await core::registered_names(call.server, host);
  if (!names) co_return std::unexpected(names.error());
  std::size_t active = 0;
  for (const auto& name : *names) {
    const auto account = xmpp::Jid::make(name, host);
    const auto seen = co_await last_seen(call.server, *account);
    if (!seen) co_return std::unexpected(seen.error());
    if (seen->online || (seen->last && seen->last->since_us >= since_us)) ++active;
  }
  co_return Json(active);
}

Task<Result<Json>> get_last(Call call) {
  const auto seen = co_await last_seen(call.server, call.account());
  if (!seen) co_return std::unexpected(seen.error());
  Json answer = Json::object();
  if (!seen->online && !seen->last) {
    answer["timestamp"] = "";
    answer["status"] = "NOT FOUND";
  } else {
    answer["timestamp"] = xmpp_datetime(seen->online ? wall_clock_us() : seen->last->since_us);
    answer["status"] = seen->online ? "ONLINE" : seen->last->status;
  }
  co_return answer;
}

Task<Result<Json>> set_last(Call call) {
  constexpr std::int64_t kMaxSeconds = 253'402'300'799;  // the end of the year 9999
  const xmpp::Jid account = call.account();
  const std::int64_t seconds = call.integer(2);
  if (seconds > kMaxSeconds) co_return fail(Errc::invalid, "TIMESTAMP is in seconds");
  const core::LastActivity last{seconds * kSecondUs, call.arguments[3]};
  std::move_only_function<Task<Result<>>(core::Worker&)> step =
      [account, last](core::Worker& home) -> Task<Result<>> {
    const auto loaded = co_await home.load(account);
    if (!loaded) co_return std::unexpected(loaded.error());
    if (*loaded == nullptr) co_return fail(Errc::not_found, "there is no such account");
    (*loaded)->slots.get<core::LastActivity>() = last;
    co_return co_await core::store_last_activity(home.server().store().maps(), account, last);
  };
  const auto stored = co_await core::in_turn<void>(call.server, account, std::move(step));
  if (!stored) co_return std::unexpected(stored.error());
  co_return Json("set the last activity of " + account.str());
}

}  // namespace

std::span<const Handler> account_handlers() {
  static constexpr std::array kHandlers{
      Handler{"register", register_account},
      Handler{"unregister", unregister},
      Handler{"change_password", change_password},
      Handler{"check_account", check_account, true},
      Handler{"check_password", check_password, true},
      Handler{"registered_users", registered_users},
      Handler{"num_active_users", num_active_users},
      Handler{"get_last", get_last, true},
      Handler{"set_last", set_last, true},
  };
  return kHandlers;
}

}  // namespace starling::admin
