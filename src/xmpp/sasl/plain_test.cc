#include <gtest/gtest.h>

#include <string_view>

#include "xmpp/sasl/scram.h"

namespace starling::xmpp::sasl {
namespace {

using namespace std::string_view_literals;

// RFC 4616 section 4.
TEST(Plain, ExamplesOfRfc4616_AreParsed) {
  const auto message = parse_plain("\0tim\0tanstaaftanstaaf"sv);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->authzid, "");
  EXPECT_EQ(message->username, "tim");
  EXPECT_EQ(message->password, "tanstaaftanstaaf");
  const auto other = parse_plain("Ursel\0Kurt\0xipj3plmq"sv);
  ASSERT_TRUE(other);
  EXPECT_EQ(other->authzid, "Ursel");
  EXPECT_EQ(other->username, "Kurt");
  EXPECT_EQ(other->password, "xipj3plmq");
}

TEST(Plain, Malformed_IsRefused) {
  EXPECT_FALSE(parse_plain(""));
  EXPECT_FALSE(parse_plain("tim"));
  EXPECT_FALSE(parse_plain("tim\0secret"sv));          // one separator
  EXPECT_FALSE(parse_plain("\0tim\0secret\0"sv));      // three
  EXPECT_FALSE(parse_plain("\0\0secret"sv));           // nobody
  EXPECT_FALSE(parse_plain("\0tim\0"sv));              // no password
  EXPECT_FALSE(parse_plain("\0t\xEDm\0secret"sv));     // malformed UTF-8
  EXPECT_FALSE(parse_plain("\0tim\0s\xC0\x80ret"sv));  // overlong NUL
}

}  // namespace
}  // namespace starling::xmpp::sasl
