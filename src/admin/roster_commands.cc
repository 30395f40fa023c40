// Rosters: changes are made in the account's turn and pushed to its clients.
#include <algorithm>
#include <array>
#include <utility>

#include "admin/call.h"
#include "admin/whole_list.h"
#include "core/in_turn.h"

namespace starling::admin {

namespace {

constexpr std::size_t kMaxNameBytes = 1'023;  // as a client may set

Error error_of(const xmpp::StanzaError& error) {
  using xmpp::StanzaCondition;
  const Errc code = error.condition == StanzaCondition::item_not_found        ? Errc::not_found
                    : error.condition == StanzaCondition::resource_constraint ? Errc::unavailable
                                                                              : Errc::invalid;
  return {code, error.text};
}

Json describe(const core::RosterItem& item) {
  Json one = Json::object();
  one["jid"] = item.jid.full();
  one["nick"] = item.name;
  one["subscription"] = core::subscription_name(item.subscription);
  one["pending"] = item.subscription.pending_out  ? "out"
                   : item.subscription.pending_in ? "in"
                                                  : "none";
  one["groups"] = item.groups;
  return one;
}

bool is_told(const core::RosterItem& item) {
  return item.listed() || item.subscription.pending_in;
}

Task<Result<Json>> get_roster(Call call) {
  const auto limit = wanted_items(call, 3);
  if (!limit) co_return std::unexpected(limit.error());
  const auto after = xmpp::Jid::parse(call.text(2));
  if (call.has(2) && !after) co_return fail(Errc::invalid, "AFTER is no JID: " + call.text(2));
  std::move_only_function<Task<Result<Json>>(core::Worker&)> step =
      [account = call.account(), after, limit = *limit](core::Worker& home) -> Task<Result<Json>> {
    const auto roster = co_await home.peek_roster(account);
    if (!roster) co_return std::unexpected(roster.error());
    const auto& all = (*roster)->items();
    Json items = Json::array();
    for (auto item = after ? all.upper_bound(*after) : all.begin();
         item != all.end() && items.size() < limit; ++item) {
      if (is_told(item->second)) items.push_back(describe(item->second));
    }
    co_return items;
  };
  auto items = co_await core::in_turn<Json>(call.server, call.account(), std::move(step));
  if (!items) co_return items;
  co_return whole_list(std::move(*items));
}

Task<Result<Json>> get_roster_count(Call call) {
  std::move_only_function<Task<Result<Json>>(core::Worker&)> step =
      [account = call.account()](core::Worker& home) -> Task<Result<Json>> {
    const auto roster = co_await home.peek_roster(account);
    if (!roster) co_return std::unexpected(roster.error());
    const auto told = [](const auto& item) { return is_told(item.second); };
    co_return Json(std::ranges::count_if((*roster)->items(), told));
  };
  co_return co_await core::in_turn<Json>(call.server, call.account(), std::move(step));
}

Result<std::vector<std::string>> groups_of(std::string_view text) {
  std::vector<std::string> groups;
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    std::string group(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (group.empty() || group.size() > kMaxNameBytes) {
      return fail(Errc::invalid, "a group is empty or too long");
    }
    if (std::ranges::find(groups, group) == groups.end()) groups.push_back(std::move(group));
  }
  return groups;
}

// In the account's turn: the change, if there is such an account.
using Change = std::function<Task<std::optional<xmpp::StanzaError>>(core::Worker&)>;

Task<Result<>> change_roster(core::Server* server, xmpp::Jid account, Change change) {
  std::move_only_function<Task<Result<>>(core::Worker&)> step =
      [account, change = std::move(change)](core::Worker& home) -> Task<Result<>> {
    const auto loaded = co_await home.load(account);
    if (!loaded) co_return std::unexpected(loaded.error());
    if (*loaded == nullptr) co_return fail(Errc::not_found, "there is no such account");
    const auto error = co_await change(home);
    if (error) co_return std::unexpected(error_of(*error));
    co_return Result<>{};
  };
  co_return co_await core::in_turn<void>(*server, account, std::move(step));
}

Task<Result<Json>> add_rosteritem(Call call) {
  const xmpp::Jid account = call.account();
  const xmpp::Jid contact = call.account(2);
  const std::string name = call.arguments[4];
  const std::string subscription = call.arguments[6];
  const auto groups = groups_of(call.arguments[5]);
  if (!groups) co_return std::unexpected(groups.error());
  if (name.size() > kMaxNameBytes) co_return fail(Errc::invalid, "the name is too long");
  if (contact == account) co_return fail(Errc::invalid, "nobody is a contact of oneself");
  const bool both = subscription == "both";
  const bool to = both || subscription == "to";
  const bool from = both || subscription == "from";
  Change change = [account, contact, name, groups = *groups, to, from](core::Worker& home) {
    return home.subscriptions().set_contact(account, contact, name, groups, to, from);
  };
  const auto changed = co_await change_roster(&call.server, account, std::move(change));
  if (!changed) co_return std::unexpected(changed.error());
  co_return Json(contact.str() + " is in the roster of " + account.str());
}

Task<Result<Json>> delete_rosteritem(Call call) {
  const xmpp::Jid account = call.account();
  const xmpp::Jid contact = call.account(2);
  Change change = [account, contact](core::Worker& home) {
    return home.subscriptions().remove_contact(account, contact);
  };
  const auto changed = co_await change_roster(&call.server, account, std::move(change));
  if (!changed) co_return std::unexpected(changed.error());
  co_return Json(contact.str() + " is no longer in the roster of " + account.str());
}

}  // namespace

std::span<const Handler> roster_handlers() {
  static constexpr std::array kHandlers{
      Handler{"get_roster", get_roster, true},
      Handler{"get_roster_count", get_roster_count, true},
      Handler{"add_rosteritem", add_rosteritem, true},
      Handler{"delete_rosteritem", delete_rosteritem, true},
  };
  return kHandlers;
}

}  // namespace starling::admin
