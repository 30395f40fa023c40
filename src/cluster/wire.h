// Wire: numbers and texts as bytes, for what nodes say to each other.
//
// Numbers are little-endian base 128 (a byte for less than 128); a text is its length and its
// bytes. A Decoder reads what another node wrote, which may be damaged or of another version: after
// anything that does not fit it is bad() and gives zeros and empty texts, so that one look at the
// end suffices.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace starling::cluster {

class Encoder {
 public:
  Encoder& number(std::uint64_t value) {
    while (value >= 0x80) {
      bytes_ += static_cast<char>(static_cast<std::uint8_t>(value) | 0x80U);
      value >>= 7U;
    }
    bytes_ += static_cast<char>(value);
    return *this;
  }
  Encoder& text(std::string_view value) {
    number(value.size());
    bytes_ += value;
    return *this;
  }
  // As they are: for the last part, whose length is that of the whole.
  Encoder& rest(std::string_view value) {
    bytes_ += value;
    return *this;
  }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] std::string_view view() const { return bytes_; }
  [[nodiscard]] std::string take() && { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : rest_(bytes) {}

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) break;
      const auto byte = static_cast<std::uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if (byte < 0x80) return value;
    }
    set_bad();
    return 0;
  }
  // A view into the bytes that were given.
  std::string_view text() {
    const std::uint64_t size = number();
    if (size > rest_.size()) {
      set_bad();
      return {};
    }
    const std::string_view value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return value;
  }
  std::string_view rest() { return std::exchange(rest_, {}); }

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] bool bad() const { return bad_; }

 private:
  void set_bad() {
    bad_ = true;
    rest_ = {};
  }

  std::string_view rest_;
  bool bad_ = false;
};

}  // namespace starling::cluster
