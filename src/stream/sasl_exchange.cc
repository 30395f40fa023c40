#include "stream/sasl_exchange.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/random.h"
#include "xml/writer.h"
#include "xmpp/base64.h"
#include "xmpp/ns.h"

namespace starling::stream {

using xmpp::sasl::SaslFailure;
using xmpp::sasl::ScramHash;
using xmpp::sasl::ScramServer;

namespace {

constexpr std::size_t kNonceCharacters = 26;

std::string_view condition_of(SaslFailure failure) {
  switch (failure) {
    case SaslFailure::aborted:
      return "aborted";
    case SaslFailure::incorrect_encoding:
      return "incorrect-encoding";
    case SaslFailure::invalid_authzid:
      return "invalid-authzid";
    case SaslFailure::malformed_request:
      return "malformed-request";
    case SaslFailure::not_authorized:
      return "not-authorized";
  }
  return "not-authorized";
}

std::string sasl_element(std::string_view name, std::string_view data) {
  xml::Writer w;
  w.open(name, xmpp::ns::kSasl).text(xmpp::base64_encode(data)).close();
  return std::move(w).take();
}

// RFC 6120 section 6.4.2: "=" is a response of zero bytes.
std::optional<std::string> decode(const std::string& text) {
  if (text == "=") return std::string();
  return xmpp::base64_decode(text);
}

}  // namespace

SaslExchange::SaslExchange(core::Authenticator& authenticator, const net::Connection& connection,
                           std::string host, const config::HostOptions& options, Refuses refuses)
    : authenticator_(authenticator),
      host_(std::move(host)),
      refuses_(std::move(refuses)),
      secure_(connection.is_secure()),
      allow_unbound_after_plus_(options.allow_unbound_after_plus) {
  for (const std::string_view type : {"tls-exporter", "tls-server-end-point"}) {
    if (auto data = connection.channel_binding(type)) {
      bindings_.push_back({std::string(type), std::move(*data)});
    }
  }
  for (const bool plus : {true, false}) {
    if (plus && bindings_.empty()) continue;
    for (const ScramHash hash : {ScramHash::sha512, ScramHash::sha256, ScramHash::sha1}) {
      mechanisms_.push_back(std::string(xmpp::sasl::scram_name(hash)) + (plus ? "-PLUS" : ""));
    }
  }
  if (secure_) mechanisms_.emplace_back("PLAIN");
  std::erase_if(mechanisms_, [&](const std::string& mechanism) {
    return std::ranges::find(options.disable_sasl_mechanisms, mechanism) !=
           options.disable_sasl_mechanisms.end();
  });
}

std::string SaslExchange::features_xml() const {
  xml::Writer w;
  w.open("mechanisms", xmpp::ns::kSasl);
  for (const auto& mechanism : mechanisms_) w.open("mechanism").text(mechanism).close();
  w.close();
  if (!bindings_.empty()) {
    w.open("sasl-channel-binding", xmpp::ns::kSaslChannelBinding);
    for (const auto& binding : bindings_) {
      w.open("channel-binding").attribute("type", binding.type).close();
    }
    w.close();
  }
  return std::move(w).take();
}

bool SaslExchange::offers(std::string_view mechanism) const {
  return std::ranges::find(mechanisms_, mechanism) != mechanisms_.end();
}

Task<SaslExchange::Step> SaslExchange::handle(xml::DocumentPtr element) {
  const xml::Element root = element->root();
  if (root.name() == "abort") co_return failure("aborted");
  if (root.name() == "auth") co_return co_await begin(element);
  if (!awaiting_initial_ && !awaiting_final_) co_return failure("malformed-request");
  const auto message = decode(root.text());
  if (!message) co_return failure("incorrect-encoding");
  if (std::exchange(awaiting_final_, false)) co_return co_await client_final(*message);
  awaiting_initial_ = false;
  if (mechanism_ == "PLAIN") co_return co_await plain(*message);
  co_return co_await client_first(*message);
}

Task<SaslExchange::Step> SaslExchange::begin(xml::DocumentPtr element) {
  const xml::Element root = element->root();
  scram_.reset();
  awaiting_initial_ = awaiting_final_ = false;
  username_.clear();
  account_ = {};
  mechanism_ = root.attribute("mechanism").value_or("");
  if (!offers(mechanism_)) {
    co_return failure(mechanism_ == "PLAIN" && !secure_ ? "encryption-required"
                                                        : "invalid-mechanism");
  }
  if (mechanism_ != "PLAIN") {
    std::string_view name = mechanism_;
    const bool plus = name.ends_with("-PLUS");
    if (plus) name.remove_suffix(5);
    for (const ScramHash hash : xmpp::sasl::kScramHashes) {
      if (xmpp::sasl::scram_name(hash) == name) hash_ = hash;
    }
    std::vector<std::string> types;
    for (const auto& binding : bindings_) types.push_back(binding.type);
    scram_.emplace(hash_, plus, bindings_,
                   !bindings_.empty() && !(plus_failed_ && allow_unbound_after_plus_),
                   xmpp::sasl::downgrade_hash(hash_, mechanisms_, std::move(types)));
  }
  const std::string text = root.text();
  if (text.empty()) {
    awaiting_initial_ = true;
    co_return Step{sasl_element("challenge", ""), {}, {}, {}, mechanism_};
  }
  auto message = decode(text);
  if (!message) co_return failure("incorrect-encoding");
  if (mechanism_ == "PLAIN") co_return co_await plain(std::move(*message));
  co_return co_await client_first(std::move(*message));
}

Task<SaslExchange::Step> SaslExchange::client_first(std::string message) {
  if (const auto failed = scram_->on_client_first(message))
    co_return failure(condition_of(*failed));
  username_ = scram_->username();
  const auto account = account_of(username_);
  if (!account) co_return wrong_password("not-authorized");
  account_ = *account;
  if (!acceptable_authzid(scram_->authzid(), *account)) co_return failure("invalid-authzid");
  if (refuses_(account_)) co_return failure("temporary-auth-failure");
  const auto keys = co_await authenticator_.scram_keys(account_, hash_);
  if (!keys) {
    log::error("authentication_unavailable", {{"error", keys.error().message}});
    co_return failure("temporary-auth-failure");
  }
  const std::string nonce = random_token(kNonceCharacters);
  awaiting_final_ = true;
  const std::string challenge = scram_->server_first(keys->keys, keys->known, nonce);
  co_return Step{sasl_element("challenge", challenge), {}, {}, username_, mechanism_};
}

Task<SaslExchange::Step> SaslExchange::client_final(std::string message) {
  // Asked again: many exchanges can have come this far at once.
  if (refuses_(account_)) co_return failure("temporary-auth-failure");
  if (const auto failed = scram_->on_client_final(message)) {
    co_return wrong_password(condition_of(*failed));
  }
  std::string server_final = scram_->server_final();
  co_return co_await success(std::move(server_final));
}

Task<SaslExchange::Step> SaslExchange::plain(std::string message) {
  const auto parsed = xmpp::sasl::parse_plain(message);
  if (!parsed) co_return failure("malformed-request");
  username_ = parsed->username;
  const auto account = account_of(username_);
  if (!account) co_return wrong_password("not-authorized");
  account_ = *account;
  if (!acceptable_authzid(parsed->authzid, *account)) co_return failure("invalid-authzid");
  if (refuses_(account_)) co_return failure("temporary-auth-failure");
  const auto matches = co_await authenticator_.check_password(*account, parsed->password);
  if (!matches) {
    log::error("authentication_unavailable", {{"error", matches.error().message}});
    co_return failure("temporary-auth-failure");
  }
  // Asked again, as above.
  if (refuses_(account_)) co_return failure("temporary-auth-failure");
  if (!*matches) co_return wrong_password("not-authorized");
  co_return co_await success("");
}

SaslExchange::Step SaslExchange::failure(std::string_view condition) {
  ++failures_;
  plus_failed_ = plus_failed_ || mechanism_.ends_with("-PLUS");
  scram_.reset();
  awaiting_initial_ = awaiting_final_ = false;
  xml::Writer w;
  w.open("failure", xmpp::ns::kSasl).open(condition).close().close();
  return {std::move(w).take(), {}, std::string(condition), username_, mechanism_, false, account_};
}

SaslExchange::Step SaslExchange::wrong_password(std::string_view condition) {
  ++wrong_passwords_;
  Step step = failure(condition);
  step.guessed = true;
  return step;
}

bool SaslExchange::exhausted(int max_guesses) const {
  constexpr int kMaxFailures = 20;
  return wrong_passwords_ >= max_guesses || failures_ >= kMaxFailures;
}

Task<SaslExchange::Step> SaslExchange::success(std::string additional_data) {
  const auto disabled = co_await authenticator_.disabled(account_);
  if (!disabled) {
    log::error("authentication_unavailable", {{"error", disabled.error().message}});
    co_return failure("temporary-auth-failure");
  }
  if (*disabled) co_return failure("account-disabled");
  scram_.reset();
  std::string reply;
  if (additional_data.empty()) {
    xml::Writer w;
    w.open("success", xmpp::ns::kSasl).close();
    reply = std::move(w).take();
  } else {
    reply = sasl_element("success", additional_data);
  }
  Step step{std::move(reply), account_, {}, username_, mechanism_, false, account_};
  co_return step;
}

std::optional<xmpp::Jid> SaslExchange::account_of(const std::string& username) const {
  if (username.empty()) return std::nullopt;
  return xmpp::Jid::make(username, host_);
}

// Nobody may act for another; naming oneself is fine (RFC 6120 section 6.3.8).
bool SaslExchange::acceptable_authzid(const std::string& authzid, const xmpp::Jid& account) const {
  if (authzid.empty()) return true;
  const auto jid = xmpp::Jid::parse(authzid);
  return jid && *jid == account;
}

}  // namespace starling::stream
