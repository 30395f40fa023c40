// Bans: of accounts, by an operator; of addresses and accounts, by fail2ban.
#include <algorithm>
#include <array>
#include <utility>

#include "admin/ask_all.h"
#include "admin/call.h"
#include "admin/whole_list.h"
#include "base/clock.h"
#include "core/account_ban.h"
#include "core/operations.h"

namespace starling::admin {

namespace {

constexpr const char* kRefused = "refused_logins";
constexpr const char* kLift = "lift_refusals";

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

// The first `limit` of a host whose names are behind `after`, as bare JIDs.
Task<Result<std::vector<std::string>>> banned_of(core::Server* server, std::string host,
                                                 std::string after, std::size_t limit) {
  constexpr std::size_t kPage = 1'000;  // of accounts, most of which are not
  std::vector<std::string> banned;
  for (bool more = true; more && banned.size() < limit;) {
    const auto names = co_await core::registered_names(*server, host, kPage, after);
    if (!names) co_return std::unexpected(names.error());
    for (const auto& name : *names) {
      const auto account = xmpp::Jid::make(name, host);
      const auto ban = co_await core::ban_of(server->store(), *account);
      if (!ban) co_return std::unexpected(ban.error());
      if (*ban) banned.push_back(account->str());
      if (banned.size() == limit) break;
    }
    more = names->size() == kPage;
    if (more) after = names->back();
  }
  co_return banned;
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
  const auto limit = wanted_items(call, 2);
  if (!limit) co_return std::unexpected(limit.error());
  const auto after = xmpp::Jid::parse(call.text(1));
  if (call.has(1) && !after) co_return fail(Errc::invalid, "AFTER is no JID: " + call.text(1));
  std::ranges::sort(hosts);
  Json banned = Json::array();
  for (const auto& host : hosts) {
    if (after && host < after->domain()) continue;
    std::string from(after && host == after->domain() ? after->local() : "");
    const auto found = co_await banned_of(&call.server, host, from, *limit - banned.size());
    if (!found) co_return std::unexpected(found.error());
    for (const auto& jid : *found) banned.push_back(jid);
    if (banned.size() == *limit) break;
  }
  co_return whole_list(std::move(banned));
}

// Each node counts, and refuses, for itself.
Task<Result<std::string>> refused_here(core::Server& server, std::string /*unused*/) {
  Json refused = Json::array();
  const TimePoint now = EventLoop::current()->now();
  for (const auto& ban : server.login_guard().list(now)) {
    Json one = Json::object();
    one["name"] = ban.name;
    one["failures"] = ban.failures;
    one["since"] = xmpp_datetime(ban.since_us);
    one["until"] = xmpp_datetime(ban.until_us);
    refused.push_back(std::move(one));
  }
  co_return to_bytes(refused);
}

Task<Result<Json>> list_refused(Call call) {
  const NodeNames names = co_await node_names(call.server);
  const Answers answers = co_await ask_all(call.server, kRefused);
  Json refused = Json::array();
  for (const auto& [node, bans] : answers.by_node) {
    if (!bans.is_array()) continue;
    for (Json one : bans) {
      one["node"] = names.of(node);
      refused.push_back(std::move(one));
    }
  }
  co_return refused;
}

Task<Result<std::string>> lift_here(core::Server& server, std::string arguments) {
  const Json asked = Json::parse(arguments, nullptr, false);
  if (!asked.is_string()) co_return fail(Errc::invalid, "not a name");
  const auto lifted =
      server.login_guard().unban(asked.get<std::string>(), EventLoop::current()->now());
  if (!lifted) co_return std::unexpected(lifted.error());
  co_return to_bytes(Json(*lifted));
}

Task<Result<Json>> unban_ip(Call call) {
  // First here: nonsense is no other node's business.
  const auto own = call.server.login_guard().unban(call.arguments[0], EventLoop::current()->now());
  if (!own) co_return std::unexpected(own.error());
  std::uint64_t lifted = *own;
  const Answers answers = co_await ask_others(call.server, kLift, Json(call.arguments[0]));
  for (const auto& [unused, count] : answers.by_node) {
    if (count.is_number_unsigned()) lifted += count.get<std::uint64_t>();
  }
  co_return Json(lifted);
}

}  // namespace

void add_ban_procedures(core::Procedures& procedures) {
  procedures[kRefused] = refused_here;
  procedures[kLift] = lift_here;
}

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
