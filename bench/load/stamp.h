// The mark in a message or status by which its receiver knows who sent it, and when.
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string_view>

namespace load {

inline constexpr std::string_view kStampBegin = ">t=";
inline constexpr std::size_t kStampSize = 24;  // 16 digits of time, 8 of sender

struct Stamp {
  std::int64_t sent_ns = 0;
  unsigned sender = 0;
};

inline void write_hex(char* out, std::uint64_t value, int digits) {
  for (int i = digits - 1; i >= 0; --i, value >>= 4) out[i] = "0123456789abcdef"[value & 15];
}

inline std::uint64_t read_hex(std::string_view digits) {
  std::uint64_t value = 0;
  for (const char c : digits) {
    value = value << 4 | static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
  }
  return value;
}

inline void write_stamp(char* out, const Stamp& stamp) {
  write_hex(out, static_cast<std::uint64_t>(stamp.sent_ns), 16);
  write_hex(out + 16, stamp.sender, 8);
}

inline std::optional<Stamp> find_stamp(std::string_view text) {
  const std::size_t at = text.find(kStampBegin);
  if (at == text.npos) return std::nullopt;
  const auto digits = text.substr(at + kStampBegin.size(), kStampSize);
  return Stamp{static_cast<std::int64_t>(read_hex(digits.substr(0, 16))),
               static_cast<unsigned>(read_hex(digits.substr(16)))};
}

}  // namespace load
