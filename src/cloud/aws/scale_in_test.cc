#include "cloud/aws/scale_in.h"

#include <gtest/gtest.h>

namespace starling::cloud::aws {
namespace {

TEST(ScaleInTest, Emptiest_MayGo) {
  EXPECT_EQ(next_to_go({{"i-a", "z", 30}, {"i-b", "z", 10}, {"i-c", "z", 20}}, ""), "i-b");
}

TEST(ScaleInTest, Last_MayNot) {
  EXPECT_EQ(next_to_go({}, ""), std::nullopt);
  EXPECT_EQ(next_to_go({{"i-a", "z", 0}}, "i-a"), std::nullopt);
}

TEST(ScaleInTest, OneThatMay_StaysSoUnlessAnotherIsClearlyEmptier) {
  EXPECT_EQ(next_to_go({{"i-a", "z", 20}, {"i-b", "z", 10}}, "i-a"), "i-a") << "ten sessions";
  EXPECT_EQ(next_to_go({{"i-a", "z", 21}, {"i-b", "z", 10}}, "i-a"), "i-b");
  EXPECT_EQ(next_to_go({{"i-a", "z", 1'000}, {"i-b", "z", 800}}, "i-a"), "i-a") << "a fifth";
  EXPECT_EQ(next_to_go({{"i-a", "z", 1'000}, {"i-b", "z", 799}}, "i-a"), "i-b");
}

TEST(ScaleInTest, ZoneWithTheMostNodes_GivesIt) {
  EXPECT_EQ(next_to_go({{"i-a", "x", 30}, {"i-b", "x", 20}, {"i-c", "y", 0}}, ""), "i-b");
  // Also if the one that might go before is elsewhere by now.
  EXPECT_EQ(next_to_go({{"i-a", "x", 30}, {"i-b", "x", 20}, {"i-c", "y", 0}}, "i-c"), "i-b");
}

TEST(ScaleInTest, Equals_AreToldApartAlwaysTheSameWay) {
  EXPECT_EQ(next_to_go({{"i-b", "z", 0}, {"i-a", "z", 0}}, ""), "i-a");
}

}  // namespace
}  // namespace starling::cloud::aws
