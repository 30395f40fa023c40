#include "xml/chars.h"

#include <gtest/gtest.h>

#include <string>

namespace starling::xml {
namespace {

// The sizes of the productions, so that no digit of the tables changes unseen.
TEST(Chars, NamesBeyondAscii_AreThoseOfXml10FourthEdition) {
  int starts = 0;
  int chars = 0;
  for (char32_t c = 0x80; c < 0x110000; ++c) {
    starts += is_name_start(c) ? 1 : 0;
    chars += is_name_char(c) ? 1 : 0;
    if (is_name_start(c)) {
      EXPECT_TRUE(is_name_char(c)) << static_cast<unsigned>(c);
    }
  }
  EXPECT_EQ(starts, 34'462);
  EXPECT_EQ(chars, 35'056);
}

TEST(Chars, Utf8_ReadsBackWhatWasWritten) {
  for (char32_t c = 0x80; c < 0x110000; ++c) {
    std::string text;
    append_utf8(text, c);
    const Utf8Char read = read_utf8(text.data(), text.data() + text.size());
    const bool surrogate = c >= 0xD800 && c < 0xE000;
    if (surrogate) {
      EXPECT_EQ(read.length, Utf8Char::kMalformed);
    } else if (!is_xml_char(c)) {
      EXPECT_EQ(read.length, Utf8Char::kForbidden);
    } else {
      EXPECT_EQ(read.length, static_cast<int>(text.size()));
      EXPECT_EQ(read.code, c);
    }
  }
}

TEST(Chars, SkipPlain_StopsAtTheFirstSpecialOfAnyKind) {
  for (std::size_t length = 0; length < 40; ++length) {
    for (const char special : {'<', '&', '>', '\n', '\x01', '\xC3'}) {
      const std::string text = std::string(length, 'x') + special + std::string(20, '<');
      const char* at = skip_plain(text.data(), text.data() + text.size(), '<', '&', '>');
      EXPECT_EQ(at - text.data(), static_cast<std::ptrdiff_t>(length)) << length << special;
    }
    const std::string plain(length, '\x7F');
    EXPECT_EQ(skip_plain(plain.data(), plain.data() + length, '<', '&', '>'),
              plain.data() + length);
  }
}

}  // namespace
}  // namespace starling::xml
