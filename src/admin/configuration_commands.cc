// What this node goes by: its options, explained, and the certificates it serves.
#include <array>
#include <utility>

#include "admin/call.h"
#include "base/clock.h"
#include "config/explain.h"

namespace starling::admin {

namespace {

Json describe(const config::Described& described) {
  const config::Option& option = *described.option;
  Json one = Json::object();
  one["name"] = described.name;
  one["value"] = described.value;
  one["default"] = config::default_of(option);
  one["from"] = described.place.empty() ? "default" : described.place;
  one["type"] = option.value;
  one["meaning"] = option.words.meaning;
  one["when"] = option.words.when;
  one["example"] = config::example_of(described.name);
  one["change_needs"] = option.words.restart ? "restart" : "reload";
  one["per_host"] = option.per_host;
  return one;
}

Task<Result<Json>> list_options(Call call) {
  if (!call.hooks.options) co_return fail(Errc::invalid, "there is no configuration to show");
  const std::string prefix = call.text(0);
  Json items = Json::array();
  for (const auto& described : call.hooks.options()) {
    if (described.name.starts_with(prefix)) items.push_back(describe(described));
  }
  if (items.empty()) co_return fail(Errc::not_found, "no option begins with " + prefix);
  Json answer = Json::object();
  answer["items"] = std::move(items);
  co_return answer;
}

Json describe(const doctor::CertificateFile& file) {
  const net::CertificateFacts& facts = file.facts;
  Json one = Json::object();
  one["hosts"] = file.hosts;
  one["subject"] = facts.subject;
  one["issuer"] = facts.issuer;
  one["not_before"] = xmpp_datetime(facts.not_before * 1'000'000);
  one["not_after"] = xmpp_datetime(facts.not_after * 1'000'000);
  one["names"] = facts.names;
  one["self_signed"] = facts.self_signed;
  one["file"] = facts.path;
  one["fingerprint"] = facts.fingerprint;
  one["error"] = file.error;
  return one;
}

Task<Result<Json>> list_certificates(Call call) {
  if (!call.hooks.certificates) co_return fail(Errc::invalid, "this node serves no certificates");
  const auto files = co_await call.hooks.certificates();
  Json items = Json::array();
  for (const auto& file : files) items.push_back(describe(file));
  Json answer = Json::object();
  answer["items"] = std::move(items);
  co_return answer;
}

}  // namespace

std::span<const Handler> configuration_handlers() {
  static constexpr std::array kHandlers{
      Handler{"list_options", list_options},
      Handler{"list_certificates", list_certificates},
  };
  return kHandlers;
}

}  // namespace starling::admin
