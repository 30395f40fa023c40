// LastActivity: since when an account has no available session, and what it said then (XEP-0012).
//
// Stored when the last one goes (by the module last_activity), read by it and by operators.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/task.h"
#include "store/store.h"
#include "xmpp/jid.h"

namespace starling::core {

struct LocalAccount;

struct LastActivity {
  std::int64_t since_us = 0;  // wall clock
  std::string status;

  [[nodiscard]] std::string encode() const;
  static std::optional<LastActivity> decode(std::string_view text);
};

// What is stored, or what `live` (nullptr if it is not in memory) keeps because it may not be
// stored yet. nullopt: never seen. Errors: unavailable.
Task<Result<std::optional<LastActivity>>> last_activity(store::Maps& maps, xmpp::Jid account,
                                                        const LocalAccount* live);

// Errors: unavailable.
Task<Result<>> store_last_activity(store::Maps& maps, xmpp::Jid account, LastActivity last);

}  // namespace starling::core
