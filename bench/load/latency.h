// Latencies, in buckets that are at most 3 % wide.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace load {

class Latencies {
 public:
  void add(std::int64_t ns) {
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(ns, 1));
    ++counts_[bucket(value)];
    ++total_;
    max_ = std::max(max_, value);
  }

  [[nodiscard]] double quantile_us(double share) const {
    auto left = static_cast<std::uint64_t>(share * static_cast<double>(total_));
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i] > left) return value_of(i) / 1e3;
      left -= counts_[i];
    }
    return max_us();
  }
  [[nodiscard]] double max_us() const { return static_cast<double>(max_) / 1e3; }

 private:
  static constexpr unsigned kBits = 5;  // of precision

  static std::size_t bucket(std::uint64_t value) {
    const auto exponent = static_cast<unsigned>(std::bit_width(value));
    if (exponent <= kBits) return value;
    return (static_cast<std::size_t>(exponent - kBits) << kBits) +
           ((value >> (exponent - kBits - 1)) & ((1U << kBits) - 1));
  }
  static double value_of(std::size_t bucket) {
    const std::size_t exponent = bucket >> kBits;
    if (exponent == 0) return static_cast<double>(bucket);
    return static_cast<double>(((bucket & ((1U << kBits) - 1)) + (1U << kBits)) << (exponent - 1));
  }

  std::array<std::uint64_t, (64 - kBits + 1) << kBits> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace load
