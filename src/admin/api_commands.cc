// Tokens of the API, and the record of what was changed.
#include <array>
#include <utility>

#include "admin/audit.h"
#include "admin/call.h"
#include "admin/grants.h"
#include "admin/whole_list.h"
#include "base/clock.h"

namespace starling::admin {

namespace {

constexpr std::int64_t kDayUs = std::int64_t{24} * 3'600 * 1'000'000;
constexpr std::int64_t kMaxDays = 3'650;
constexpr std::size_t kMaxName = 100;
constexpr std::int64_t kUsualRecords = 100;
constexpr std::int64_t kMostRecords = 1'000;

std::string time_or_nothing(std::int64_t us) {
  return us == 0 ? std::string() : xmpp_datetime(us);
}

Task<Result<Json>> create_token(Call call) {
  if (call.caller.is_token) co_return fail(Errc::denied, "a token cannot make tokens");
  const std::int64_t days = call.integer(2);
  if (days < 1 || days > kMaxDays) co_return fail(Errc::invalid, "DAYS is from 1 to 3650");
  if (call.text(0).empty() || call.text(0).size() > kMaxName) {
    co_return fail(Errc::invalid, "NAME has from 1 to 100 bytes");
  }
  auto scopes = parse_scopes(call.text(1));
  if (!scopes) co_return std::unexpected(scopes.error());
  Grant grant{.name = call.text(0),
              .scopes = std::move(*scopes),
              .account = call.caller.account,
              .created_by = call.caller.who,
              .created_us = wall_clock_us()};
  grant.expires_us = grant.created_us + days * kDayUs;
  if (!grant.account.empty()) {
    auto seal =
        co_await seal_of_admin(call.server, call.hooks.is_admin, *xmpp::Jid::parse(grant.account));
    if (!seal) co_return std::unexpected(seal.error());
    grant.seal = std::move(*seal);
  }
  const auto text = co_await tokens(call.server.store()).make(grant);
  if (!text) co_return std::unexpected(text.error());
  Json answer = Json::object();
  answer["id"] = text->substr(0, text->find('_'));
  answer["name"] = grant.name;
  answer["scopes"] = to_string(grant.scopes);
  answer["expires"] = xmpp_datetime(grant.expires_us);
  answer["token"] = *text;
  co_return answer;
}

Task<Result<Json>> list_tokens(Call call) {
  const auto limit = wanted_items(call, 1);
  if (!limit) co_return std::unexpected(limit.error());
  const auto grants = co_await tokens(call.server.store()).list();
  if (!grants) co_return std::unexpected(grants.error());
  auto first = grants->begin();
  if (call.has(0)) {
    first = std::ranges::find(*grants, call.text(0), &Grant::id);
    if (first == grants->end())
      co_return fail(Errc::not_found, "there is no token " + call.text(0));
    ++first;
  }
  Json list = Json::array();
  for (; first != grants->end() && list.size() < *limit; ++first) {
    const Grant& grant = *first;
    Json one = Json::object();
    one["id"] = grant.id;
    one["name"] = grant.name;
    one["scopes"] = to_string(grant.scopes);
    one["created_by"] = grant.created_by;
    one["created"] = xmpp_datetime(grant.created_us);
    one["expires"] = xmpp_datetime(grant.expires_us);
    one["last_used"] = time_or_nothing(grant.used_us);
    list.push_back(std::move(one));
  }
  co_return whole_list(std::move(list));
}

Task<Result<Json>> revoke_token(Call call) {
  const std::string id = call.text(0);
  const auto grants = co_await tokens(call.server.store()).list();
  if (!grants) co_return std::unexpected(grants.error());
  const auto found = std::ranges::find(*grants, id, &Grant::id);
  if (found == grants->end()) co_return fail(Errc::not_found, "there is no token " + id);
  std::vector<std::string> ids{id};
  const auto ended = co_await tokens(call.server.store()).end(std::move(ids));
  if (!ended) co_return std::unexpected(ended.error());
  co_return Json("revoked " + found->name);
}

Task<Result<Json>> audit_log(Call call) {
  const std::int64_t limit = call.has(1) ? call.integer(1) : kUsualRecords;
  if (limit < 1 || limit > kMostRecords) co_return fail(Errc::invalid, "LIMIT is from 1 to 1000");
  const auto after = call.has(0) ? static_cast<std::uint64_t>(call.integer(0)) : 0;
  const auto page =
      co_await read_audit(call.server.store().logs(), after, static_cast<std::uint32_t>(limit));
  if (!page) co_return std::unexpected(page.error());
  Json items = Json::array();
  for (const AuditRecord& record : page->records) {
    Json one = Json::object();
    one["time"] = xmpp_datetime_us(record.time_us);
    one["who"] = record.who;
    one["from"] = record.from;
    one["command"] = record.command;
    one["arguments"] = record.arguments;
    one["result"] = record.result;
    items.push_back(std::move(one));
  }
  Json answer = Json::object();
  answer["items"] = std::move(items);
  answer["next"] = page->next ? Json(std::to_string(*page->next)) : Json();
  co_return answer;
}

}  // namespace

std::span<const Handler> api_handlers() {
  static constexpr std::array kHandlers{
      Handler{"create_token", create_token},
      Handler{"list_tokens", list_tokens},
      Handler{"revoke_token", revoke_token},
      Handler{"audit_log", audit_log},
  };
  return kHandlers;
}

}  // namespace starling::admin
