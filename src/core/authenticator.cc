#include "core/authenticator.h"

#include <utility>

#include "base/clock.h"
#include "base/random.h"
#include "core/account_ban.h"
#include "core/secrets.h"
#include "xmpp/sasl/scram_crypto.h"

namespace starling::core {

using xmpp::sasl::ScramHash;
using xmpp::sasl::ScramKeys;

namespace {

// What RFC 7677 calls "a higher value, such as 10,000 or more" for devices that can; the client
// pays it at every log-in, the server once per password.
constexpr std::uint32_t kIterations = 10'000;
constexpr std::size_t kSaltBytes = 16;

constexpr std::size_t kSecretBytes = 32;
constexpr std::string_view kSecretKey = "scram-salt-secret";

}  // namespace

Task<Result<>> Authenticator::prepare() {
  auto secret =
      co_await shared_secret(store_.maps(), std::string(kSecretKey), random_bytes(kSecretBytes));
  if (!secret) co_return std::unexpected(secret.error());
  secret_ = std::move(*secret);
  co_return Result<>{};
}

Task<Result<std::vector<store::Credential>>> Authenticator::derive(std::string password) {
  const auto prepared = xmpp::sasl::prepare_password(password);
  if (!prepared) {
    co_return fail(Errc::invalid, "the password is empty or holds characters that are not allowed");
  }
  const auto work = [prepared = *prepared] {
    std::vector<store::Credential> credentials;
    for (const ScramHash hash : xmpp::sasl::kScramHashes) {
      auto keys =
          xmpp::sasl::derive_scram_keys(hash, prepared, random_bytes(kSaltBytes), kIterations);
      credentials.push_back({std::string(xmpp::sasl::scram_name(hash)), std::move(keys.salt),
                             keys.iterations, std::move(keys.stored_key),
                             std::move(keys.server_key)});
    }
    return credentials;
  };
  co_return co_await pool_.run(work);
}

Task<Result<>> Authenticator::create_account(xmpp::Jid account, std::string password) {
  auto credentials = co_await derive(std::move(password));
  if (!credentials) co_return std::unexpected(credentials.error());
  store::Account fresh;
  fresh.username = account.local();
  fresh.host = account.domain();
  fresh.created_at_us = wall_clock_us();
  fresh.credentials = std::move(*credentials);
  co_return co_await store_.accounts().create(std::move(fresh));
}

Task<Result<>> Authenticator::change_password(xmpp::Jid account, std::string password) {
  auto credentials = co_await derive(std::move(password));
  if (!credentials) co_return std::unexpected(credentials.error());
  co_return co_await store_.accounts().set_credentials(
      std::string(account.domain()), std::string(account.local()), std::move(*credentials));
}

ScramKeys Authenticator::made_up_keys(const xmpp::Jid& account, ScramHash hash) const {
  // The same salt at every try, as a real account has.
  const std::string seed =
      std::string(account.bare()) + '\0' + std::string(xmpp::sasl::scram_name(hash));
  const auto from_secret = [&](std::string_view use, std::size_t bytes) {
    return xmpp::sasl::scram_hmac(ScramHash::sha512, secret_, std::string(use) + seed)
        .substr(0, bytes);
  };
  ScramKeys keys;
  keys.salt = from_secret("salt", kSaltBytes);
  keys.iterations = kIterations;
  keys.stored_key = from_secret("stored", xmpp::sasl::hash_size(hash));
  keys.server_key = from_secret("server", xmpp::sasl::hash_size(hash));
  return keys;
}

Task<Result<Authenticator::Keys>> Authenticator::scram_keys(xmpp::Jid account, ScramHash hash) {
  auto found =
      co_await store_.accounts().find(std::string(account.domain()), std::string(account.local()));
  // Made up for those who exist, too, so that the time says nothing.
  Keys keys{made_up_keys(account, hash), false};
  if (!found) {
    if (found.error().code == Errc::not_found) co_return keys;
    co_return std::unexpected(found.error());
  }
  for (auto& credential : found->credentials) {
    if (credential.mechanism != xmpp::sasl::scram_name(hash)) continue;
    keys.keys = {std::move(credential.salt), credential.iterations,
                 std::move(credential.stored_key), std::move(credential.server_key)};
    keys.known = true;
  }
  co_return keys;
}

Task<Result<bool>> Authenticator::check_password(xmpp::Jid account, std::string password) {
  const auto keys = co_await scram_keys(account, ScramHash::sha256);
  if (!keys) co_return std::unexpected(keys.error());
  const auto prepared = xmpp::sasl::prepare_password(password);
  // Derived even when it cannot succeed, so that the time says nothing.
  const auto work = [keys = keys->keys, candidate = prepared.value_or("x")] {
    return xmpp::sasl::verify_password(ScramHash::sha256, keys, candidate);
  };
  const bool matches = co_await pool_.run(work);
  const bool may_enter = keys->known && prepared.has_value();
  co_return may_enter ? matches : false;
}

Task<Result<bool>> Authenticator::disabled(xmpp::Jid account) {
  const auto ban = co_await ban_of(store_, std::move(account));
  if (!ban) co_return std::unexpected(ban.error());
  co_return ban->has_value();
}

}  // namespace starling::core
