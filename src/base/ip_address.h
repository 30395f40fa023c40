// IpAddress: an IPv4 or IPv6 address as a value. An IPv4 address that is written as IPv6
// (::ffff:192.0.2.1) is the IPv4 address.
#pragma once

#include <array>
#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace starling {

class IpAddress {
 public:
  static constexpr unsigned kIpv4Bits = 32;
  static constexpr unsigned kIpv6Bits = 128;

  // nullopt if it is none; an IPv6 address has no brackets and no zone.
  static std::optional<IpAddress> parse(std::string_view text);

  [[nodiscard]] bool is_v4() const { return is_v4_; }
  [[nodiscard]] unsigned bits() const { return is_v4_ ? kIpv4Bits : kIpv6Bits; }
  // The same with only the first `prefix_length` bits, the others 0.
  [[nodiscard]] IpAddress masked(unsigned prefix_length) const;
  [[nodiscard]] std::string to_string() const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  bool is_v4_ = true;
  std::array<unsigned char, 16> bytes_{};  // in network order; of IPv4 the first four
};

}  // namespace starling
