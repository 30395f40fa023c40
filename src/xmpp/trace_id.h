// TraceId: by which a message is known in logs and journals, on every node that it passes. It is
// the trace-id of W3C Trace Context: 16 bytes, not all zero, written as 32 lower-case hex digits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace starling::xmpp {

struct TraceId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  [[nodiscard]] bool empty() const { return high == 0 && low == 0; }
  friend bool operator==(const TraceId&, const TraceId&) = default;

  // "" if it is empty.
  [[nodiscard]] std::string str() const {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    if (empty()) return text;
    for (const std::uint64_t half : {high, low}) {
      for (unsigned shift = 64; shift > 0; shift -= 4) {
        text += kDigits[(half >> (shift - 4)) & 0xFU];
      }
    }
    return text;
  }
  // nullopt if it is none.
  static std::optional<TraceId> parse(std::string_view text) {
    TraceId id;
    if (text.size() != 32) return std::nullopt;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      const bool letter = c >= 'a' && c <= 'f';
      if (!letter && (c < '0' || c > '9')) return std::nullopt;
      std::uint64_t& half = i < 16 ? id.high : id.low;
      half = half << 4U | static_cast<std::uint64_t>(letter ? c - 'a' + 10 : c - '0');
    }
    if (id.empty()) return std::nullopt;
    return id;
  }
};

// TraceIds: gives them out. Two sequences of SplitMix64 (Steele, Lea, Flood, 2014), each begun at
// random: no secret, but nobody else's. For one thread.
class TraceIds {
 public:
  TraceIds(std::uint64_t high_seed, std::uint64_t low_seed) : high_(high_seed), low_(low_seed) {}

  TraceId next() {
    const TraceId id{step(high_), step(low_)};
    return id.empty() ? next() : id;
  }

 private:
  static std::uint64_t step(std::uint64_t& state) {
    state += 0x9E3779B97F4A7C15U;
    std::uint64_t mixed = state;
    mixed = (mixed ^ (mixed >> 30U)) * 0xBF58476D1CE4E5B9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94D049BB133111EBU;
    return mixed ^ (mixed >> 31U);
  }

  std::uint64_t high_;
  std::uint64_t low_;
};

}  // namespace starling::xmpp
