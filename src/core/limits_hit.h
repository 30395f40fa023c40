// Limits that somebody has hit, counted as a metric: those that nothing else counts
// (docs/limits.md).
#pragma once

#include <cstdint>
#include <string_view>

namespace starling::core {

enum class Limit : std::uint8_t {
  sessions,        // of one account or one host
  roster_items,    // of one account
  unacknowledged,  // stanzas of one session, or their bytes (XEP-0198)
  in_hand,         // stanzas of one client that wait for the store, or their bytes
};
[[nodiscard]] std::string_view to_string(Limit limit);

// Any thread.
void limit_hit(Limit limit);

}  // namespace starling::core
