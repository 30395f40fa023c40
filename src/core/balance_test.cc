#include "core/balance.h"

#include <gtest/gtest.h>

namespace starling::core {
namespace {

TEST(Balance, AFreshNode_GetsItsShare) {
  // 3,000 on three nodes, and a fourth: 750 each.
  EXPECT_EQ(Balance::surplus(1'000, {1'000, 1'000, 0}, false), 1'000U - 787U);
}

TEST(Balance, AFreshNodeBesideMany_GetsALittleOfEach) {
  std::vector<std::uint64_t> others(9, 1'000);
  others.push_back(0);
  EXPECT_EQ(Balance::surplus(1'000, others, false), 1'000U - 954U);
  others.insert(others.begin(), 39, 1'000);
  EXPECT_EQ(Balance::surplus(1'000, others, false), 1'000U - 980U);
  others.back() = 800;
  EXPECT_GT(Balance::surplus(1'000, others, true), 0U) << "until it has almost its share";
  others.back() = 900;
  EXPECT_EQ(Balance::surplus(1'000, others, true), 0U);
}

TEST(Balance, ALittleMore_IsNotWorthIt) {
  EXPECT_EQ(Balance::surplus(1'100, {1'000, 900}, false), 0U);
  EXPECT_EQ(Balance::surplus(12, {3}, false), 0U) << "a few sessions";
}

TEST(Balance, OnceBegun_GoesOnUntilItIsEven) {
  EXPECT_EQ(Balance::surplus(1'150, {1'000, 850}, false), 0U);
  EXPECT_EQ(Balance::surplus(1'150, {1'000, 850}, true), 100U);
  EXPECT_EQ(Balance::surplus(1'050, {1'000, 950}, true), 0U);
}

TEST(Balance, NobodyIsEmptier_NobodyIsAsked) {
  EXPECT_EQ(Balance::surplus(2'000, {1'000, 1'000}, false), 2'000U - 1'399U);
  EXPECT_EQ(Balance::surplus(1'300, {1'000, 1'000, 1'000}, true), 0U)
      << "they have almost their share, and would send them back";
  EXPECT_EQ(Balance::surplus(100, {}, false), 0U);
}

}  // namespace
}  // namespace starling::core
