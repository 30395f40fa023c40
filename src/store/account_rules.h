// What every backend's Accounts check and say alike.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/store.h"

namespace starling::store {

// Sorted by mechanism, as find() returns them. invalid: one mechanism twice.
inline Result<> sort_credentials(std::vector<Credential>& credentials) {
  std::ranges::sort(credentials, {}, &Credential::mechanism);
  const auto twice = std::ranges::adjacent_find(credentials, {}, &Credential::mechanism);
  if (twice != credentials.end()) {
    return fail(Errc::invalid, "credentials name " + twice->mechanism + " twice");
  }
  return {};
}

inline Error no_account(const std::string& host, const std::string& username) {
  return {Errc::not_found, "there is no account " + username + "@" + host};
}

inline Error account_exists(const Account& account) {
  return {Errc::exists, "the account " + account.username + "@" + account.host + " exists already"};
}

}  // namespace starling::store
