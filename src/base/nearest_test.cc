#include "base/nearest.h"

#include <gtest/gtest.h>

namespace starling {
namespace {

const std::vector<std::string> kWords{"listen", "loglevel", "log_format", "hosts", "acl"};

TEST(Nearest, SlipOfTheFinger_IsUnderstood) {
  EXPECT_EQ(nearest("listne", kWords), "listen");
  EXPECT_EQ(nearest("log_level", kWords), "loglevel");
  EXPECT_EQ(nearest("host", kWords), "hosts");
  EXPECT_EQ(nearest("acll", kWords), "acl");
  EXPECT_EQ(nearest("loglevel", kWords), "loglevel");
}

TEST(Nearest, AnotherWord_IsNot) {
  EXPECT_EQ(nearest("s2s_access", kWords), std::nullopt);
  EXPECT_EQ(nearest("", kWords), std::nullopt);
  EXPECT_EQ(nearest("xyz", kWords), std::nullopt);
  EXPECT_EQ(nearest(std::string(100'000, 'x'), kWords), std::nullopt);
  EXPECT_EQ(nearest("x", {}), std::nullopt);
}

TEST(DidYouMean, EndsAMessage) {
  EXPECT_EQ(did_you_mean("hots", kWords), ": did you mean 'hosts'?");
  EXPECT_EQ(did_you_mean("quux", kWords), "");
}

}  // namespace
}  // namespace starling
