#include "config/kinds.h"

#include <gtest/gtest.h>

namespace starling::config {
namespace {

TEST(ParseSeconds, TakesWhatEjabberdTakes) {
  EXPECT_EQ(parse_seconds("300"), 300U);
  EXPECT_EQ(parse_seconds("30s"), 30U);
  EXPECT_EQ(parse_seconds("5 minutes"), 300U);
  EXPECT_EQ(parse_seconds("1 hour"), 3'600U);
  EXPECT_EQ(parse_seconds("2 days"), 172'800U);
  EXPECT_EQ(parse_seconds("1 week"), 604'800U);
}

TEST(ParseBytes, TakesBothKindsOfUnits) {
  EXPECT_EQ(parse_bytes("100"), 100U);
  EXPECT_EQ(parse_bytes("4 MiB"), 4U << 20U);
  EXPECT_EQ(parse_bytes("64 KB"), 64'000U);
  EXPECT_EQ(parse_bytes("64KiB"), 65'536U);
}

TEST(ParseAmount, RefusesWhatIsNone) {
  for (const char* text : {"", " ", "s", "5 moons", "-5", "+5", "5.5 hours", "5 s s", "0x5 s", "5 ",
                           "99999999999999999999", "18446744073709551615 days", "1e3"}) {
    EXPECT_FALSE(parse_seconds(text)) << text;
    EXPECT_FALSE(parse_bytes(text)) << text;
  }
  EXPECT_FALSE(parse_number("5 s"));
}

TEST(Kinds, AmountsAreShownInTheirLargestUnit) {
  const auto seconds = duration(0, 1'000'000);
  EXPECT_EQ(seconds.show(std::chrono::seconds(0)), 0);
  EXPECT_EQ(seconds.show(std::chrono::seconds(61)), 61);
  EXPECT_EQ(seconds.show(std::chrono::seconds(60)), "1 minute");
  EXPECT_EQ(seconds.show(std::chrono::seconds(7'200)), "2 hours");
  const auto bytes = size<std::uint32_t>(0, 1U << 30U, Zero::no_limit);
  EXPECT_EQ(bytes.show(4U << 20U), "4 MiB");
  EXPECT_EQ(bytes.show(1'000), 1'000);
  EXPECT_EQ(bytes.show(0), "infinity");
}

}  // namespace
}  // namespace starling::config
