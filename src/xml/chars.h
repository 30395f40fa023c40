// Characters of XML 1.0 in UTF-8: classes of bytes, validation, and the fast way over plain runs.
//
// What may stand in a name follows the 4th edition of XML 1.0 (appendix B), as expat does, so that
// the two can be held against each other; the 5th edition's wider names are refused. Pure.
#pragma once

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <array>
#include <bit>
#include <cstdint>

namespace starling::xml {

inline constexpr std::uint8_t kNameStart = 1;  // ASCII that may begin a name, without ':'
inline constexpr std::uint8_t kNameChar = 2;   // ASCII that may stand in a name, without ':'
inline constexpr std::uint8_t kSpace = 4;
inline constexpr std::uint8_t kUnwritable = 8;  // that may have to be written in another way

inline constexpr std::array<std::uint8_t, 256> kClasses = [] {
  std::array<std::uint8_t, 256> classes{};
  for (unsigned c = 'a'; c <= 'z'; ++c) classes[c] = classes[c - 32] = kNameStart | kNameChar;
  for (unsigned c = '0'; c <= '9'; ++c) classes[c] = kNameChar;
  classes['_'] = kNameStart | kNameChar;
  classes['-'] = classes['.'] = kNameChar;
  classes[' '] = classes['\t'] = classes['\n'] = classes['\r'] = kSpace;
  for (unsigned c = 0; c < ' '; ++c) classes[c] |= kUnwritable;
  for (const unsigned char c : {'&', '<', '>', '"', '\''}) classes[c] |= kUnwritable;
  for (unsigned c = 0x80; c < 0x100; ++c) classes[c] = kUnwritable;
  return classes;
}();

inline std::uint8_t class_of(char c) {
  return kClasses[static_cast<std::uint8_t>(c)];
}
inline bool is_space(char c) {
  return (class_of(c) & kSpace) != 0;
}
inline bool is_ascii(char c) {
  return static_cast<signed char>(c) >= 0;
}

// Whether a character beyond ASCII may begin a name, or stand in one.
bool is_name_start(char32_t c);
bool is_name_char(char32_t c);

// Whether XML 1.0 allows this code point in a document (production Char).
constexpr bool is_xml_char(char32_t c) {
  if (c < 0x20) return c == '\t' || c == '\n' || c == '\r';
  return c < 0xD800 || (c > 0xDFFF && c < 0xFFFE) || (c > 0xFFFF && c < 0x110000);
}

void append_utf8(auto& out, char32_t c) {
  const auto byte = [&out](char32_t b) { out.push_back(static_cast<char>(b)); };
  if (c < 0x80) return byte(c);
  if (c < 0x800) {
    byte(0xC0 | c >> 6);
  } else {
    if (c < 0x10000) {
      byte(0xE0 | c >> 12);
    } else {
      byte(0xF0 | c >> 18);
      byte(0x80 | (c >> 12 & 0x3F));
    }
    byte(0x80 | (c >> 6 & 0x3F));
  }
  byte(0x80 | (c & 0x3F));
}

// One character beyond ASCII at `p`, of the bytes up to `end`.
struct Utf8Char {
  static constexpr int kIncomplete = 0;  // nothing wrong so far, but bytes are missing
  static constexpr int kMalformed = -1;  // not UTF-8
  static constexpr int kForbidden = -2;  // UTF-8, but not a character of XML
  int length;                            // in bytes, or one of the above
  char32_t code = 0;
};
Utf8Char read_utf8(const char* p, const char* end);

// The first byte in [p, end) that is not plain: one of a, b, c, or a control character (white
// space other than ' ' included), or beyond ASCII.
inline const char* skip_plain(const char* p, const char* end, char a, char b, char c) {
#ifdef __SSE2__
  const __m128i va = _mm_set1_epi8(a);
  const __m128i vb = _mm_set1_epi8(b);
  const __m128i vc = _mm_set1_epi8(c);
  const __m128i blank = _mm_set1_epi8(' ');
  while (end - p >= 16) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    // Signed: bytes beyond ASCII are negative, so below ' ' as well.
    const __m128i stop =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, va), _mm_cmpeq_epi8(v, vb)),
                     _mm_or_si128(_mm_cmpeq_epi8(v, vc), _mm_cmplt_epi8(v, blank)));
    const unsigned mask = static_cast<unsigned>(_mm_movemask_epi8(stop));
    if (mask != 0) return p + std::countr_zero(mask);
    p += 16;
  }
#endif
  while (p != end && static_cast<signed char>(*p) >= ' ' && *p != a && *p != b && *p != c) ++p;
  return p;
}

}  // namespace starling::xml
