#include "xml/chars.h"

namespace starling::xml {
namespace {

struct Lead {
  int length;
  // Of the second byte: what rules out overlong forms, surrogates and what is above U+10FFFF.
  std::uint8_t low = 0x80;
  std::uint8_t high = 0xBF;
};

Lead lead_of(std::uint8_t b) {
  if (b < 0xC2) return {Utf8Char::kMalformed};
  if (b < 0xE0) return {2};
  if (b == 0xE0) return {3, 0xA0};
  if (b == 0xED) return {3, 0x80, 0x9F};
  if (b < 0xF0) return {3};
  if (b == 0xF0) return {4, 0x90};
  if (b < 0xF4) return {4};
  if (b == 0xF4) return {4, 0x80, 0x8F};
  return {Utf8Char::kMalformed};
}

}  // namespace

Utf8Char read_utf8(const char* p, const char* end) {
  const auto at = [p](int i) { return static_cast<std::uint8_t>(p[i]); };
  const Lead lead = lead_of(at(0));
  if (lead.length < 0) return {Utf8Char::kMalformed};
  const int available = end - p < lead.length ? static_cast<int>(end - p) : lead.length;
  char32_t code = at(0) & (0xFFU >> (lead.length + 1));
  for (int i = 1; i < available; ++i) {
    const std::uint8_t low = i == 1 ? lead.low : 0x80;
    const std::uint8_t high = i == 1 ? lead.high : 0xBF;
    if (at(i) < low || at(i) > high) return {Utf8Char::kMalformed};
    code = code << 6 | (at(i) & 0x3F);
  }
  if (available < lead.length) return {Utf8Char::kIncomplete};
  if (!is_xml_char(code)) return {Utf8Char::kForbidden};
  return {lead.length, code};
}

}  // namespace starling::xml
