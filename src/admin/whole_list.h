// Lists that are given as a whole, as ejabberd gives them, as long as they are not long; else by
// pages: AFTER is what the page before ended with, LIMIT how many items the page has at most. A
// page that has fewer is the last.
#pragma once

#include <cstddef>

#include "admin/call.h"
#include "base/result.h"

namespace starling::admin {

// Items of one answer.
inline constexpr std::size_t kMostAtOnce = 10'000;

// How many items to gather: what LIMIT at `i` says; if it was left out, one more than an answer may
// have, which tells whether there are too many. Errors: invalid.
[[nodiscard]] inline Result<std::size_t> wanted_items(const Call& call, std::size_t i) {
  if (!call.has(i)) return kMostAtOnce + 1;
  const auto limit = static_cast<std::size_t>(call.integer(i));
  if (limit < 1 || limit > kMostAtOnce) {
    return fail(Errc::invalid, "LIMIT is from 1 to " + std::to_string(kMostAtOnce));
  }
  return limit;
}

// The answer. Errors: invalid: they are too many.
[[nodiscard]] inline Result<Json> whole_list(Json items) {
  if (items.size() <= kMostAtOnce) return items;
  return fail(Errc::invalid, "there are more than " + std::to_string(kMostAtOnce) +
                                 ": ask for pages, with LIMIT, and with the last item of each as "
                                 "AFTER of the next");
}

}  // namespace starling::admin
