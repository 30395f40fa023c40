#include "admin/grants.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "base/clock.h"
#include "base/hex.h"
#include "base/random.h"
#include "core/account_ban.h"
#include "xmpp/sasl/scram_crypto.h"

namespace starling::admin {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kIdLength = 10;
constexpr std::size_t kSecretLength = 52;  // of 5 bits each
constexpr std::int64_t kSecondUs = 1'000'000;

std::string hash_of(std::string_view text) {
  return hex(xmpp::sasl::scram_h(xmpp::sasl::ScramHash::sha256, text));
}

std::string encode(const Grant& grant, const std::string& hash) {
  return Json{{"hash", hash},
              {"name", grant.name},
              {"scopes", grant.scopes},
              {"account", grant.account},
              {"seal", grant.seal},
              {"created_by", grant.created_by},
              {"created_us", grant.created_us},
              {"expires_us", grant.expires_us}}
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

struct Stored {
  Grant grant;
  std::string hash;
};

std::optional<Stored> decode(const std::string& id, const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("hash")) return std::nullopt;
  Stored stored;
  stored.hash = json.value("hash", "");
  stored.grant.id = id;
  stored.grant.name = json.value("name", "");
  stored.grant.scopes = json.value("scopes", Scopes());
  stored.grant.account = json.value("account", "");
  stored.grant.seal = json.value("seal", "");
  stored.grant.created_by = json.value("created_by", "");
  stored.grant.created_us = json.value("created_us", std::int64_t{0});
  stored.grant.expires_us = json.value("expires_us", std::int64_t{0});
  return stored;
}

std::int64_t number(const std::string& text) {
  return std::strtoll(text.c_str(), nullptr, 10);
}

}  // namespace

Result<Scopes> parse_scopes(std::string_view text) {
  Scopes scopes;
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of(", "), text.size());
    const std::string scope(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (scope.empty()) continue;
    const auto colon = scope.find(':');
    const std::string_view may =
        colon == std::string::npos ? scope : std::string_view(scope).substr(colon + 1);
    const bool tag_known = colon == std::string::npos ||
                           std::ranges::any_of(commands::tags(), [&](const commands::Tag& tag) {
                             return scope.substr(0, colon) == tag.name;
                           });
    if (!tag_known || (may != "read" && may != "write")) {
      std::string tags;
      for (const auto& tag : commands::tags()) tags += " " + std::string(tag.name);
      return fail(Errc::invalid, "a scope is read, write, TAG:read or TAG:write, with a TAG of" +
                                     tags + ": '" + scope + "' is none");
    }
    if (std::ranges::find(scopes, scope) == scopes.end()) scopes.push_back(scope);
  }
  if (scopes.empty()) return fail(Errc::invalid, "SCOPES names no scope");
  return scopes;
}

std::string to_string(const Scopes& scopes) {
  std::string text;
  for (const auto& scope : scopes) text += (text.empty() ? "" : ",") + scope;
  return text;
}

bool cover(const Scopes& scopes, std::string_view tag, bool write) {
  const std::string prefix = std::string(tag) + ":";
  return std::ranges::any_of(scopes, [&](const std::string& scope) {
    if (scope == "write" || scope == prefix + "write") return true;
    return !write && (scope == "read" || scope == prefix + "read");
  });
}

Task<Result<std::string>> Grants::make(Grant grant) {
  const std::string id = random_token(kIdLength);
  const std::string text = id + "_" + random_token(kSecretLength);
  std::vector<store::Change> changes;
  changes.push_back({map_, id, encode(grant, hash_of(text))});
  const auto done = co_await maps_.apply("", std::move(changes));
  if (!done) co_return std::unexpected(done.error());
  co_return text;
}

Task<Result<std::optional<Grant>>> Grants::find(std::string text) {
  const std::string id = text.substr(0, text.find('_'));
  if (id.size() != kIdLength || text.size() != kIdLength + 1 + kSecretLength)
    co_return std::nullopt;
  const bool plain = std::ranges::all_of(
      id, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '2' && c <= '7'); });
  if (!plain) co_return std::nullopt;
  const auto value = co_await maps_.get("", map_, id);
  if (!value) co_return std::unexpected(value.error());
  auto stored = *value ? decode(id, **value) : std::nullopt;
  if (!stored || !xmpp::sasl::equal_in_constant_time(stored->hash, hash_of(text))) {
    co_return std::nullopt;
  }
  const auto used = co_await maps_.get("", map_ + "-used", id);
  if (!used) co_return std::unexpected(used.error());
  if (*used) stored->grant.used_us = number(**used);
  co_return std::move(stored->grant);
}

Task<Result<std::vector<Grant>>> Grants::list() {
  const auto entries = co_await maps_.scan("", map_);
  if (!entries) co_return std::unexpected(entries.error());
  const auto used = co_await maps_.scan("", map_ + "-used");
  if (!used) co_return std::unexpected(used.error());
  std::vector<Grant> grants;
  for (const auto& entry : *entries) {
    auto stored = decode(entry.key, entry.value);
    if (!stored) continue;
    const auto noted = std::ranges::lower_bound(*used, entry.key, {}, &store::Entry::key);
    if (noted != used->end() && noted->key == entry.key) {
      stored->grant.used_us = number(noted->value);
    }
    grants.push_back(std::move(stored->grant));
  }
  std::ranges::sort(grants, {}, [](const Grant& one) { return std::tie(one.created_us, one.id); });
  co_return grants;
}

Task<Result<>> Grants::end(std::vector<std::string> ids) {
  std::vector<store::Change> changes;
  for (const auto& id : ids) {
    changes.push_back({map_, id, std::nullopt});
    changes.push_back({map_ + "-used", id, std::nullopt});
  }
  if (changes.empty()) co_return Result<>{};
  co_return co_await maps_.apply("", std::move(changes));
}

Task<void> Grants::note_use(Grant grant) {
  const std::int64_t now_us = wall_clock_us();
  if (now_us - grant.used_us < every_.count() * kSecondUs) co_return;
  std::vector<store::Change> changes;
  changes.push_back({map_ + "-used", grant.id, std::to_string(now_us)});
  static_cast<void>(co_await maps_.apply("", std::move(changes)));  // the next use notes it
}

Grants tokens(store::Store& store) {
  return {store.maps(), "api-tokens", std::chrono::hours(1)};
}

Grants page_sessions(store::Store& store) {
  return {store.maps(), "api-sessions", std::chrono::seconds(30)};
}

Task<Result<std::string>> seal_of_admin(core::Server& server,
                                        const std::function<bool(const xmpp::Jid&)>& is_admin,
                                        xmpp::Jid account) {
  if (!is_admin || !is_admin(account) || server.host(account.domain()) == nullptr) {
    co_return fail(Errc::denied,
                   std::string(account.full()) + " is no administrator of this server");
  }
  const auto found = co_await server.store().accounts().find(std::string(account.domain()),
                                                             std::string(account.local()));
  if (!found && found.error().code == Errc::not_found) {
    co_return fail(Errc::denied, "there is no account " + std::string(account.full()));
  }
  if (!found) co_return std::unexpected(found.error());
  const auto disabled = co_await server.authenticator().disabled(account);
  if (!disabled) co_return std::unexpected(disabled.error());
  if (*disabled) {
    co_return fail(Errc::denied, "the account " + std::string(account.full()) + " is disabled");
  }
  std::string keys = std::to_string(found->created_at_us);
  for (const auto& credential : found->credentials) keys += credential.stored_key;
  co_return hash_of(keys);
}

}  // namespace starling::admin
