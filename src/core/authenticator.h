// Authenticator: accounts and their passwords, which are kept as SCRAM keys only (RFC 5802).
//
// Usable from any worker; Tasks resume on the caller's own loop. Key derivation runs on a thread
// pool, since it takes milliseconds. Unknown users and wrong passwords look alike, in time too.
#pragma once

#include <string>

#include "base/result.h"
#include "base/task.h"
#include "base/thread_pool.h"
#include "store/store.h"
#include "xmpp/jid.h"
#include "xmpp/sasl/scram.h"

namespace starling::core {

class Authenticator {
 public:
  Authenticator(store::Store& store, ThreadPool& pool) : store_(store), pool_(pool) {}

  // Reads, or makes on the first start, the secret behind the salts of users that do not exist.
  // To be awaited once before anything else.
  Task<Result<>> prepare();

  // Errors: exists; invalid (a password that SASLprep forbids); unavailable (the store).
  Task<Result<>> create_account(xmpp::Jid account, std::string password);
  // Errors: not_found, invalid, unavailable.
  Task<Result<>> change_password(xmpp::Jid account, std::string password);

  struct Keys {
    xmpp::sasl::ScramKeys keys;
    bool known = false;  // false: made up, and the exchange must fail
  };
  // Errors: unavailable.
  Task<Result<Keys>> scram_keys(xmpp::Jid account, xmpp::sasl::ScramHash hash);

  // For PLAIN. False for a wrong password and an unknown user alike. Errors: unavailable.
  Task<Result<bool>> check_password(xmpp::Jid account, std::string password);

  // Whether the account is banned (account_ban.h): to be asked once the password was right. Errors:
  // unavailable.
  Task<Result<bool>> disabled(xmpp::Jid account);

 private:
  Task<Result<std::vector<store::Credential>>> derive(std::string password);
  [[nodiscard]] xmpp::sasl::ScramKeys made_up_keys(const xmpp::Jid& account,
                                                   xmpp::sasl::ScramHash hash) const;

  store::Store& store_;
  ThreadPool& pool_;
  std::string secret_;
};

}  // namespace starling::core
