// Bans: of accounts, by an operator; of addresses and accounts, by fail2ban.
#include <array>
#include <utility>

#include "admin/call.h"
#include "base/clock.h"
#include "core/account_ban.h"
#include "core/operations.h"

namespace starling::admin {

namespace {

Task<Result<Json>> ban_account(Call call) {
  const auto ended =
      co_await core::ban_account(call.server, call.account(), call.arguments[2], call.caller.who);
  if (!ended) co_return std::unexpected(ended.error());
  co_return Json(*ended);
}

Task<Result<Json>> unban_account(Call call) {
  const xmpp::Jid account = call.account();
  const auto lifted = co_await core::unban_account(call.server, account);
  if (!lifted) co_return std::unexpected(lifted.error());
  if (!*lifted) co_return fail(Errc::not_found, account.str() + " is not banned");
  co_return Json("unbanned " + account.str());
}

Task<Result<Json>> get_ban_details(Call call) {
  const xmpp::Jid account = call.account();
  const auto ban = co_await core::ban_of(call.server.store(), account);
  if (!ban) co_return std::unexpected(ban.error());
  if (!*ban) co_return fail(Errc::not_found, account.str() + " is not banned");
  Json answer = Json::object();
  answer["reason"] = (*ban)->reason;
  answer["bandate"] = xmpp_datetime_us((*ban)->since_us);
  answer["by"] = (*ban)->by;
  co_return answer;
}

Task<Result<Json>> list_banned(Call call) {
  std::vector<std::string> hosts;
  if (call.arguments[0] == "all") {
    for (const auto& name : call.server.host_names()) hosts.push_back(name);
  } else {
    const auto domain = xmpp::prepare_domain(call.arguments[0]);
    if (!domain || call.server.host(*domain) == nullptr) {
      co_return fail(Errc::invalid, "this server does not serve the host " + call.arguments[0]);
    }
    hosts.push_back(*domain);
  }
  Json banned = Json::array();
  for (const auto& host : hosts) {
    const auto names = co_await core::registered_names(call.server, host);
    if (!names) co_return std::unexpected(names.error());
    for (const auto& name : *names) {
      const auto account = xmpp::Jid::make(name, host);
      const auto ban = co_await core::ban_of(call.server.store(), *account);
      if (!ban) co_return std::unexpected(ban.error());
      if (*ban) banned.push_back(account->str());
    }
  }
  co_return banned;
}

Task<Result<Json>> list_refused(Call call) {
  Json refused = Json::array();
  const TimePoint now = EventLoop::current()->now();
  for (const auto& ban : call.server.login_guard().list(now)) {
    Json one = Json::object();
    one["name"] = ban.name;
    one["failures"] = ban.failures;
    one["since"] = xmpp_datetime(ban.since_us);
    one["until"] = xmpp_datetime(ban.until_us);
    refused.push_back(std::move(one));
  }
  co_return refused;
}

Task<Result<Json>> unban_ip(Call call) {
  const auto lifted =
      call.server.login_guard().unban(call.arguments[0], EventLoop::current()->now());
  if (!lifted) co_return std::unexpected(lifted.error());
  co_return Json(*lifted);
}

}  // namespace

std::span<const Handler> ban_handlers() {
  static constexpr std::array kHandlers{
      Handler{"ban_account", ban_account, true},
      Handler{"unban_account", unban_account, true},
      Handler{"get_ban_details", get_ban_details, true},
      Handler{"list_banned", list_banned},
      Handler{"list_refused", list_refused},
      Handler{"unban_ip", unban_ip},
  };
  return kHandlers;
}

}  // namespace starling::admin
