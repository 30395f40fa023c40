// The limits of the stream scanner, and that it stays linear.
#include <gtest/gtest.h>

#include <string>

#include "xml/scan_for_test.h"
#include "xml/stream_scanner.h"

namespace starling::xml {
namespace {

std::string repeat(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

ScanError error_with(const Limits& limits, std::string_view stanza, std::size_t part) {
  StreamScanner scanner(&limits);
  const auto events = scan_on(scanner, std::string("<s>").append(stanza), part);
  return events.back().error;
}

void expect_error(const Limits& limits, std::string_view stanza, ScanError error) {
  EXPECT_EQ(error_with(limits, stanza, std::string_view::npos), error) << stanza.substr(0, 80);
  EXPECT_EQ(error_with(limits, stanza, 1), error) << stanza.substr(0, 80);
  EXPECT_EQ(error_with(limits, stanza, 7), error) << stanza.substr(0, 80);
}

TEST(ScanLimits, StanzaBytes_RefusedBeforeTheEnd) {
  const Limits limits{.max_stanza_bytes = 20};
  expect_error(limits, "<a>3456789012345</a>", ScanError::none);  // exactly 20
  expect_error(limits, "<a>34567890123456</a>", ScanError::too_large);
  expect_error(limits, "<a b='" + repeat("x", 14), ScanError::too_large);
  expect_error(limits, "<a b='" + repeat("x", 13), ScanError::none);
  expect_error(limits, "<" + repeat("a", 30), ScanError::too_large);
  expect_error(limits, "<a>" + repeat("&amp;", 9), ScanError::too_large);
}

TEST(ScanLimits, StanzaBytes_AreOfOneStanza) {
  const Limits limits{.max_stanza_bytes = 20};
  expect_error(limits, repeat("<a>34567890</a> ", 50), ScanError::none);
}

TEST(ScanLimits, Depth_CountsFromTheFirstLevel) {
  const Limits limits{.max_depth = 3};
  expect_error(limits, "<a><b><c/><c></c></b></a>", ScanError::none);
  expect_error(limits, "<a><b><c><d", ScanError::too_deep);
}

TEST(ScanLimits, Attributes_CountDeclarations) {
  const Limits limits{.max_attributes = 3};
  expect_error(limits, "<a b='' c='' xmlns='urn:x'><d b='' c='' e=''/></a>", ScanError::none);
  expect_error(limits, "<a b='' c='' xmlns='urn:x' d", ScanError::too_many_attributes);
}

TEST(ScanLimits, Elements_AreOfOneStanza) {
  const Limits limits{.max_elements = 4};
  expect_error(limits, repeat("<a><b/><b/><b/></a>", 5), ScanError::none);
  expect_error(limits, "<a><b/><b/><b/><b", ScanError::too_many_elements);
}

TEST(ScanLimits, Header_HasItsOwn) {
  EXPECT_EQ(error_of("<s a='" + std::string(9'990, 'x') + "'>"), ScanError::none);
  EXPECT_EQ(error_of("<s a='" + std::string(10'000, 'x')), ScanError::too_large);
  EXPECT_EQ(error_of("<?xml " + std::string(2'000, ' ')), ScanError::too_large);
  EXPECT_EQ(error_in_stream("</stream:stream" + std::string(10'000, ' ')), ScanError::too_large);
  EXPECT_EQ(error_in_stream("</stream:stream" + std::string(10'000, ' ') + ">"),
            ScanError::too_large);
}

// What prefixes stand for is written out at every element and attribute that is passed on.
TEST(ScanLimits, Prefixes_DoNotMultiplyTheStanza) {
  const Limits limits;
  const std::string ns(500, 'n');
  const auto within = [&](std::string_view content) {
    return "<a xmlns:p='" + ns + "' xmlns:q='" + ns + "r'>" + std::string(content) + "</a>";
  };
  expect_error(limits, within("<p:b/>"), ScanError::none);
  expect_error(limits, within("<p:b>" + repeat("<p:c/>", 1'000) + "</p:b>"), ScanError::none);
  expect_error(limits, within(repeat("<p:b/>", 1'000)), ScanError::too_large);
  expect_error(limits, within("<p:b>" + repeat("<q:c/>", 1'000) + "</p:b>"), ScanError::too_large);
  expect_error(limits, within(repeat("<b p:c='' q:c=''/>", 1'000)), ScanError::too_large);
  expect_error(limits, within(repeat("<p:b>", 30) + repeat("</p:b>", 30)), ScanError::none);
}

TEST(ScanLimits, Namespaces_AreBounded) {
  EXPECT_EQ(error_in_stream("<a xmlns='" + std::string(512, 'x') + "'/>"), ScanError::none);
  EXPECT_EQ(error_in_stream("<a xmlns='" + std::string(513, 'x') + "'/>"), ScanError::too_large);
  std::string declarations;
  for (int i = 0; i < 40; ++i) declarations += " xmlns:p" + std::to_string(i) + "='urn:p'";
  const std::string nested = repeat("<a" + declarations + ">", 7);
  EXPECT_EQ(error_in_stream(nested), ScanError::too_many_attributes);
  const std::string siblings = "<b>" + repeat("<a" + declarations + "/>", 7) + "</b>";
  EXPECT_EQ(error_in_stream(siblings), ScanError::none);
}

// Each of these takes minutes if a byte is looked at again whenever another one arrives.
TEST(ScanLimits, LongTokensByteByByte_StayLinear) {
  const Limits limits{.max_stanza_bytes = 4'000'000, .max_elements = 200'000};
  const std::size_t n = 1'500'000;
  for (const std::string& stanza : {
           "<a b='" + std::string(n, 'x') + "'/>",
           "<a>" + std::string(n, 'x') + "</a>",
           "<a>" + std::string(n, '\n') + "</a>",
           "<a><![CDATA[" + std::string(n, ']') + "]]></a>",
           "<a" + std::string(n, ' ') + "/>",
           "<a>&#" + std::string(n, '0') + "65;</a>",
           "<a>" + repeat("<b c='&lt;'/>", n / 15) + "</a>",
           "<a>" + repeat("\xE4\xB8\xAD", n / 3) + "</a>",
       }) {
    EXPECT_EQ(error_with(limits, stanza, 1), ScanError::none) << stanza.substr(0, 40);
  }
}

}  // namespace
}  // namespace starling::xml
