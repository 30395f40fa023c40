#include "core/memory_budget.h"

#include <gtest/gtest.h>

namespace starling::core {
namespace {

using Stage = MemoryBudget::Stage;

TEST(MemoryBudget, NoMaximum_NothingIsRefused) {
  MemoryBudget budget;
  EXPECT_EQ(budget.update(1'000'000'000'000), Stage::normal);
  EXPECT_FALSE(budget.refuses_session());
}

TEST(MemoryBudget, Stages_AreLeftBelowWhereTheyAreEntered) {
  MemoryBudget budget;
  budget.set_max(1'000'000);
  const auto at = [&](std::uint64_t thousands) { return budget.update(thousands * 1'000); };
  EXPECT_EQ(at(900), Stage::normal);
  EXPECT_FALSE(budget.refuses_session());
  EXPECT_EQ(at(901), Stage::refusing);
  EXPECT_TRUE(budget.refuses_session());
  EXPECT_EQ(at(860), Stage::refusing);
  EXPECT_EQ(at(850), Stage::normal);
  EXPECT_EQ(at(880), Stage::normal);

  EXPECT_EQ(at(971), Stage::shedding);
  EXPECT_TRUE(budget.refuses_session());
  EXPECT_EQ(budget.surplus(), 41'000U);
  EXPECT_EQ(at(940), Stage::shedding);
  EXPECT_EQ(at(930), Stage::refusing);
  EXPECT_EQ(budget.surplus(), 0U);
  EXPECT_EQ(at(970), Stage::refusing);
  EXPECT_EQ(at(2'000), Stage::shedding);  // beyond the maximum
  EXPECT_EQ(at(10), Stage::normal);
  EXPECT_FALSE(budget.refuses_session());
}

TEST(MemoryBudget, NewMaximum_HoldsFromTheNextUpdateOn) {
  MemoryBudget budget;
  budget.set_max(1'000'000);
  EXPECT_EQ(budget.update(990'000), Stage::shedding);
  budget.set_max(2'000'000);
  EXPECT_EQ(budget.update(990'000), Stage::normal);
}

}  // namespace
}  // namespace starling::core
