// One look at each octet of a JID's part tells whether it needs more than the shortcut for ASCII.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace starling::xmpp {

enum : std::uint8_t {
  kInLocal = 1,     // printable ASCII without RFC 7622's exclusions
  kInResource = 2,  // printable ASCII and space
  kInDomain = 4,    // letters, digits, hyphen, full stop, underscore
  kUpperCase = 8,
  kNotAscii = 16,
};

// RFC 7622 section 3.3.1: in the IdentifierClass, but never in a localpart.
inline constexpr std::string_view kLocalExclusions = "\"&'/:<>@";

constexpr std::array<std::uint8_t, 256> make_byte_classes() {
  std::array<std::uint8_t, 256> table{};
  for (std::size_t c = 0; c < table.size(); ++c) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool letter = upper || (c >= 'a' && c <= 'z');
    const bool excluded = kLocalExclusions.find(static_cast<char>(c)) != std::string_view::npos;
    if (c > 0x20 && c < 0x7F && !excluded) table[c] |= kInLocal;
    if (c >= 0x20 && c < 0x7F) table[c] |= kInResource;
    if (letter || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_') {
      table[c] |= kInDomain;
    }
    if (upper) table[c] |= kUpperCase;
    if (c >= 0x80) table[c] |= kNotAscii;
  }
  return table;
}
inline constexpr auto kByteClasses = make_byte_classes();

struct ByteScan {
  std::uint8_t any = 0;     // classes that some octet has
  std::uint8_t all = 0xFF;  // classes that every octet has

  explicit ByteScan(std::string_view text) {
    for (const char c : text) {
      const std::uint8_t classes = kByteClasses[static_cast<unsigned char>(c)];
      any |= classes;
      all &= classes;
    }
  }
};

inline std::string ascii_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  }
  return out;
}

}  // namespace starling::xmpp
