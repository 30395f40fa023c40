// ListenAddress: an IP address and a port, and whether they are free.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ip_address.h"
#include "base/result.h"

namespace starling::bus {

struct ListenAddress {
  IpAddress ip;
  std::uint16_t port = 0;

  // "10.0.1.7:6222", "[2001:db8::7]:6222"; nullopt if it is none.
  static std::optional<ListenAddress> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;

  friend auto operator<=>(const ListenAddress&, const ListenAddress&) = default;
};

// Whether a server could listen there now. Errors: exists (somebody does), unavailable (as when the
// address is not one of this machine).
Result<> can_listen(const ListenAddress& address);
// Some port where nobody listens. Errors: unavailable.
Result<std::uint16_t> free_port(const IpAddress& ip);

}  // namespace starling::bus
