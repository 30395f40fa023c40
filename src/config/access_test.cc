#include "config/access.h"

#include <gtest/gtest.h>

namespace starling::config {
namespace {

IpAddress address(const char* text) {
  return *IpAddress::parse(text);
}

TEST(IpRange, Parse_TakesAddressesAndPrefixes) {
  for (const char* text : {"192.0.2.1", "192.0.2.0/24", "0.0.0.0/0", "::1", "2001:db8::/32"}) {
    const auto range = IpRange::parse(text);
    ASSERT_TRUE(range) << text;
    EXPECT_EQ(range->to_string(), text);
  }
  EXPECT_EQ(IpRange::parse("192.0.2.77/24")->to_string(), "192.0.2.0/24");
}

TEST(IpRange, Parse_RefusesWhatIsNone) {
  for (const char* text : {"", "/", "/8", "192.0.2.0/33", "::/129", "192.0.2.0/", "192.0.2.0/-1",
                           "192.0.2.0/8x", "example.org", "192.0.2", "192.0.2.0/ 8"}) {
    EXPECT_FALSE(IpRange::parse(text)) << text;
  }
}

TEST(IpRange, Contains_ComparesThePrefixOnly) {
  const auto net = *IpRange::parse("192.0.2.128/25");
  EXPECT_TRUE(net.contains(address("192.0.2.200")));
  EXPECT_FALSE(net.contains(address("192.0.2.127")));
  EXPECT_TRUE(net.contains(address("::ffff:192.0.2.200")));
  EXPECT_FALSE(net.contains(address("2001:db8::1")));
  const auto net6 = *IpRange::parse("2001:db8:8000::/33");
  EXPECT_TRUE(net6.contains(address("2001:db8:ffff::1")));
  EXPECT_FALSE(net6.contains(address("2001:db8:7fff::1")));
  EXPECT_TRUE(IpRange::parse("::/0")->contains(address("2001:db8::1")));
  EXPECT_FALSE(IpRange::parse("::/0")->contains(address("192.0.2.1")));
}

TEST(IpRange, Overlaps_IfOneLiesWithinTheOther) {
  const auto overlap = [](const char* a, const char* b) {
    return IpRange::parse(a)->overlaps(*IpRange::parse(b)) &&
           IpRange::parse(b)->overlaps(*IpRange::parse(a));
  };
  EXPECT_TRUE(overlap("192.0.2.1", "192.0.2.0/24"));
  EXPECT_TRUE(overlap("192.0.2.1", "192.0.2.1"));
  EXPECT_TRUE(overlap("2001:db8::/64", "2001:db8::5"));
  EXPECT_FALSE(overlap("192.0.2.0/25", "192.0.2.128/25"));
  EXPECT_FALSE(overlap("0.0.0.0/0", "::/0"));
}

class AccessTest : public testing::Test {
 protected:
  AccessTest() {
    access_.groups["staff"] = {*xmpp::Jid::parse("sam@example.org")};
    access_.acls["admin"].users = {*xmpp::Jid::parse("alice@example.org")};
    access_.acls["bots"].local_globs = {"bot-*"};
    access_.acls["example"].hosts = {"example.org"};
    access_.acls["staff"].groups = {"staff"};
    access_.acls["loopback"].addresses = {*IpRange::parse("127.0.0.0/8"), *IpRange::parse("::1")};
    access_.access_rules["c2s"] = {{.allow = false, .acls = {"bots"}},
                                   {.allow = true, .acls = {"example"}}};
    access_.access_rules["careful"] = {{.allow = true, .acls = {"admin", "loopback"}}};
    access_.shaper_rules["c2s_shaper"] = {{.value = "none", .acls = {"admin"}},
                                          {.value = "normal", .acls = {"all"}}};
    access_.shaper_rules["max_user_sessions"] = {{.value = "infinity", .acls = {"admin"}},
                                                 {.value = "10", .acls = {"example"}}};
  }
  bool allows(const char* rule, const char* jid, const char* ip = nullptr) const {
    return access_.allows(rule, subject(jid, ip));
  }
  Subject subject(const char* jid, const char* ip = nullptr) const {
    jid_ = *xmpp::Jid::parse(jid);
    Subject made{&jid_, std::nullopt};
    if (ip != nullptr) made.address = address(ip);
    return made;
  }
  Access access_;
  mutable xmpp::Jid jid_;
};

TEST_F(AccessTest, Allows_TheFirstRuleThatMatchesDecides) {
  EXPECT_TRUE(allows("c2s", "alice@example.org/phone"));
  EXPECT_FALSE(allows("c2s", "bot-7@example.org"));
  EXPECT_FALSE(allows("c2s", "bob@other.example"));
}

TEST_F(AccessTest, Allows_AllAclsOfALineMustMatch) {
  EXPECT_TRUE(allows("careful", "alice@example.org", "127.3.4.5"));
  EXPECT_FALSE(allows("careful", "alice@example.org", "192.0.2.1"));
  EXPECT_FALSE(allows("careful", "alice@example.org"));
  EXPECT_FALSE(allows("careful", "bob@example.org", "127.0.0.1"));
}

TEST_F(AccessTest, Allows_TakesTheNameOfAnAclAsWell) {
  EXPECT_TRUE(allows("all", "bob@other.example"));
  EXPECT_FALSE(allows("none", "alice@example.org"));
  EXPECT_TRUE(allows("admin", "alice@example.org"));
  EXPECT_FALSE(allows("admin", "bob@example.org"));
  EXPECT_FALSE(allows("unheard-of", "alice@example.org"));
}

TEST_F(AccessTest, Matches_Groups) {
  EXPECT_TRUE(access_.matches("staff", subject("sam@example.org/desk")));
  EXPECT_FALSE(access_.matches("staff", subject("sam@other.example")));
}

TEST_F(AccessTest, Matches_NothingAboutAnUnknownSubject) {
  EXPECT_FALSE(access_.matches("example", Subject{}));
  EXPECT_FALSE(access_.matches("loopback", Subject{}));
  EXPECT_TRUE(access_.matches("all", Subject{}));
}

TEST_F(AccessTest, ShaperValue_OfTheFirstThatMatches) {
  EXPECT_EQ(access_.shaper_value("c2s_shaper", subject("alice@example.org")), "none");
  EXPECT_EQ(access_.shaper_value("c2s_shaper", subject("bob@example.org")), "normal");
  EXPECT_EQ(access_.shaper_value("no_such_rule", subject("bob@example.org")), std::nullopt);
}

TEST_F(AccessTest, Limit_IsANumberAndInfinityIsNoLimit) {
  EXPECT_EQ(access_.limit("max_user_sessions", subject("alice@example.org")), 0);
  EXPECT_EQ(access_.limit("max_user_sessions", subject("bob@example.org")), 10);
  EXPECT_EQ(access_.limit("max_user_sessions", subject("bob@other.example")), std::nullopt);
}

}  // namespace
}  // namespace starling::config
