#include "base/ip_address.h"

#include <gtest/gtest.h>

namespace starling {
namespace {

TEST(IpAddress, Parse_BothKinds) {
  for (const char* text : {"192.0.2.1", "0.0.0.0", "::", "2001:db8::1"}) {
    const auto address = IpAddress::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->to_string(), text);
    EXPECT_EQ(address->is_v4(), address->to_string().find('.') != std::string::npos);
  }
}

TEST(IpAddress, Parse_RefusesWhatIsNone) {
  for (const char* text : {"", "example.org", "192.0.2", "192.0.2.256", "[::1]", "fe80::1%eth0",
                           "192.0.2.1 ", "1:2:3:4:5:6:7:8:9"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
}

TEST(IpAddress, Parse_AMappedAddressIsTheIpv4Address) {
  EXPECT_EQ(IpAddress::parse("::ffff:192.0.2.1"), IpAddress::parse("192.0.2.1"));
  EXPECT_NE(IpAddress::parse("::192.0.2.1"), IpAddress::parse("192.0.2.1"));
}

TEST(IpAddress, Masked_KeepsThePrefix) {
  EXPECT_EQ(IpAddress::parse("192.0.2.255")->masked(25).to_string(), "192.0.2.128");
  EXPECT_EQ(IpAddress::parse("2001:db8:1:2:3::4")->masked(64).to_string(), "2001:db8:1:2::");
  EXPECT_EQ(IpAddress::parse("2001:db8::1")->masked(0).to_string(), "::");
  EXPECT_EQ(IpAddress::parse("192.0.2.1")->masked(32).to_string(), "192.0.2.1");
}

}  // namespace
}  // namespace starling
