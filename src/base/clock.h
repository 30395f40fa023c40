// Wall-clock time. Code that acts on time takes it from EventLoop::now(); this is for what people
// and other machines read: timestamps in stanzas, logs and the store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace starling {

// Microseconds since 1970-01-01T00:00:00Z.
[[nodiscard]] std::int64_t wall_clock_us();

// For the simulator, as replace_random_for_simulation (base/random.h).
void replace_wall_clock_for_simulation(std::int64_t (*clock_us)());

// XEP-0082 DateTime in UTC, to the second: 2026-11-23T21:05:00Z.
[[nodiscard]] std::string xmpp_datetime(std::int64_t us_since_epoch);
// The same to the microsecond: 2026-11-23T21:05:00.000001Z.
[[nodiscard]] std::string xmpp_datetime_us(std::int64_t us_since_epoch);
// Microseconds since the epoch of an XEP-0082 DateTime, with any fraction and any zone; nullopt if
// it is none.
[[nodiscard]] std::optional<std::int64_t> parse_xmpp_datetime(std::string_view text);

}  // namespace starling
