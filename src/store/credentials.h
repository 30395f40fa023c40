// What every backend checks alike before it takes credentials.
#pragma once

#include <algorithm>
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

}  // namespace starling::store
