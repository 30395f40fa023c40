#include "api/once.h"

#include <utility>
#include <vector>

#include "api/operations.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/random.h"
#include "xmpp/sasl/scram_crypto.h"

namespace starling::api {

namespace {

using xmpp::sasl::ScramHash;

constexpr std::size_t kMaxBody = 65'536;
constexpr std::size_t kMarkLength = 26;

bool is_old(const Json& record) {
  return !record.is_object() ||
         record.value("time_us", std::int64_t{0}) < wall_clock_us() - Once::kKeptUs;
}

Json begun(const std::string& request, const std::string& mark) {
  return {{"time_us", wall_clock_us()}, {"request", request}, {"mark", mark}};
}

http::Response again(const Json& record) {
  if (!record.contains("status")) {
    return http::problem(409,
                         "the first request with this key is under way, or its node died over it: "
                         "look what became of it before you send it with another key");
  }
  if (!record.contains("body")) {
    return http::problem(409, "the request was carried out, but its answer was too long to keep");
  }
  http::Response response{.status = record.value("status", 200U),
                          .content_type = record.value("type", "application/json"),
                          .body = record.value("body", "")};
  response.fields.add("Idempotency-Replayed", "true");
  return response;
}

}  // namespace

Once::Once(store::Maps& maps, const std::string& caller, const std::string& key,
           const std::string& request)
    : maps_(maps),
      name_(hex(xmpp::sasl::scram_h(ScramHash::sha256, caller + '\n' + key))),
      request_(hex(xmpp::sasl::scram_hmac(ScramHash::sha256, key, request))),
      mark_(random_token(kMarkLength)) {}

Task<Result<>> Once::write(std::optional<std::string> value, bool if_absent) {
  std::vector<store::Change> changes;
  changes.push_back({kMap, name_, std::move(value), if_absent});
  co_return co_await maps_.apply("", std::move(changes));
}

Task<std::optional<http::Response>> Once::begin() {
  const auto known = co_await maps_.get("", kMap, name_);
  if (!known) co_return refusal(known.error());
  if (*known && is_old(Json::parse(**known, nullptr, false))) {
    if (const auto gone = co_await write(std::nullopt); !gone) co_return refusal(gone.error());
  }
  // Of several that come at once, on whichever nodes, one is first.
  const auto tried = co_await write(begun(request_, mark_).dump(), true);
  if (!tried) co_return refusal(tried.error());
  const auto first = co_await maps_.get("", kMap, name_);
  if (!first) co_return refusal(first.error());
  const Json record = Json::parse(first->value_or(""), nullptr, false);
  if (!record.is_object()) co_return http::problem(503, "the key cannot be kept");
  if (record.value("mark", "") == mark_) co_return std::nullopt;
  if (record.value("request", "") != request_) {
    co_return http::problem(422, "this Idempotency-Key was used for another request");
  }
  co_return again(record);
}

Task<void> Once::end(const http::Response& response) {
  if (response.status == 429 || response.status >= 500) {
    static_cast<void>(co_await write(std::nullopt));
    co_return;
  }
  Json record = begun(request_, mark_);
  record["status"] = response.status;
  record["type"] = response.content_type;
  if (response.body.size() <= kMaxBody) record["body"] = response.body;
  // Should it fail, the key is answered with 409: nothing is done twice.
  static_cast<void>(co_await write(to_text(record)));
}

Task<Result<>> Once::forget_old(store::Maps& maps) {
  const auto entries = co_await maps.scan("", kMap);
  if (!entries) co_return std::unexpected(entries.error());
  std::vector<store::Change> old;
  for (const auto& entry : *entries) {
    if (is_old(Json::parse(entry.value, nullptr, false))) {
      old.push_back({kMap, entry.key, std::nullopt});
    }
  }
  if (old.empty()) co_return Result<>{};
  co_return co_await maps.apply("", std::move(old));
}

}  // namespace starling::api
