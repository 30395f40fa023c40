#include "core/owed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace starling::core {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr ArchiveId kSure = ~ArchiveId{0};

// Which messages of an archive of 1 to `count` would be handed out.
std::vector<ArchiveId> waiting(const Owed& owed, ArchiveId count) {
  std::vector<ArchiveId> ids;
  if (!owed.backlog()) return ids;
  for (ArchiveId id = owed.backlog_after() + 1; id <= count; ++id) {
    if (owed.waits(id)) ids.push_back(id);
  }
  return ids;
}

// The same after a crash: what was last stored, with the same archive of `count` messages.
std::vector<ArchiveId> after_restart(const Owed& owed, ArchiveId count) {
  Owed again;
  const std::string stored = owed.encode();
  if (!stored.empty()) EXPECT_TRUE(again.decode(stored)) << stored;
  return waiting(again, count);
}

Owed caught_up() {
  Owed owed;
  owed.backlog_read(kSure);
  return owed;
}

TEST(Owed, NewAccount_EverythingWaits) {
  Owed owed;
  owed.stored(1, false, 0, Owed::Writers::one);
  owed.stored(2, false, 0, Owed::Writers::one);
  EXPECT_THAT(after_restart(owed, 2), ElementsAre(1, 2));
}

TEST(Owed, HandedToAClientWithoutStreamManagement_IsSettled) {
  Owed owed = caught_up();
  owed.stored(1, true, 0, Owed::Writers::one);
  EXPECT_FALSE(owed.backlog());
  EXPECT_THAT(after_restart(owed, 1), IsEmpty());
}

TEST(Owed, HandedButNotAcknowledged_IsOwedAfterACrash) {
  Owed owed = caught_up();
  owed.stored(1, true, 1, Owed::Writers::one);
  owed.stored(2, true, 1, Owed::Writers::one);
  owed.stored(3, true, 0, Owed::Writers::one);
  EXPECT_THAT(after_restart(owed, 3), ElementsAre(1, 2));
  owed.settle(1);
  EXPECT_THAT(after_restart(owed, 3), ElementsAre(2));
  owed.settle(2);
  EXPECT_THAT(after_restart(owed, 3), IsEmpty());
}

TEST(Owed, Acknowledgements_ComeInAnyOrder) {
  Owed owed = caught_up();
  for (ArchiveId id = 1; id <= 4; ++id) owed.stored(id, true, 1, Owed::Writers::one);
  owed.settle(4);
  owed.settle(2);
  EXPECT_THAT(after_restart(owed, 4), ElementsAre(1, 3));
}

TEST(Owed, GivenBackByTheOnlyHolder_Waits) {
  Owed owed = caught_up();
  owed.stored(1, true, 1, Owed::Writers::one);
  owed.stored(2, true, 1, Owed::Writers::one);
  EXPECT_TRUE(owed.give_back(1));
  EXPECT_THAT(waiting(owed, 2), ElementsAre(1));
  owed.handed_again(1, 1);
  EXPECT_THAT(waiting(owed, 2), IsEmpty());
  owed.settle(1);
  EXPECT_FALSE(owed.give_back(1)) << "it is settled";
}

TEST(Owed, TwoHolders_OneIsEnough) {
  Owed owed = caught_up();
  owed.stored(1, true, 2, Owed::Writers::one);
  owed.stored(2, true, 2, Owed::Writers::one);
  EXPECT_FALSE(owed.give_back(1));  // the other has it still
  owed.settle(1);
  EXPECT_FALSE(owed.give_back(1));
  EXPECT_FALSE(owed.give_back(2));
  EXPECT_TRUE(owed.give_back(2));  // the last one
  EXPECT_THAT(waiting(owed, 2), ElementsAre(2));
}

TEST(Owed, WhileSomethingWaits_LaterOnesAreSettledOneByOne) {
  Owed owed = caught_up();
  owed.stored(1, true, 0, Owed::Writers::one);
  owed.stored(2, false, 0, Owed::Writers::one);
  owed.stored(3, true, 0, Owed::Writers::one);
  owed.stored(4, true, 1, Owed::Writers::one);
  owed.stored(5, false, 0, Owed::Writers::one);
  EXPECT_THAT(waiting(owed, 5), ElementsAre(2, 5));
  EXPECT_THAT(after_restart(owed, 5), ElementsAre(2, 4, 5));
  owed.settle(4);
  EXPECT_THAT(after_restart(owed, 5), ElementsAre(2, 5));
}

TEST(Owed, ReadingTheBacklog_RaisesTheFloor) {
  Owed owed;
  owed.stored(1, false, 0, Owed::Writers::one);
  owed.stored(2, true, 0, Owed::Writers::one);  // handed to a session by its full JID
  owed.stored(3, false, 0, Owed::Writers::one);
  owed.passed(1, true, true, kSure);
  owed.passed(2, false, false, kSure);
  EXPECT_THAT(after_restart(owed, 3), ElementsAre(1, 3)) << "cut short here";
  owed.passed(3, true, false, kSure);
  owed.backlog_read(kSure);
  EXPECT_THAT(waiting(owed, 3), IsEmpty());
  EXPECT_THAT(after_restart(owed, 3), ElementsAre(1)) << "not acknowledged yet";
  owed.settle(1);
  EXPECT_EQ(owed.encode(), "3");
}

TEST(Owed, CouldNotBeStored_IsForgotten) {
  Owed owed = caught_up();
  owed.stored(1, true, 1, Owed::Writers::one);
  owed.forget(1);
  EXPECT_FALSE(owed.give_back(1));
  EXPECT_EQ(owed.first_unsettled(), 2U);
}

TEST(Owed, FirstUnsettled_NothingBeforeItIsNeeded) {
  Owed owed = caught_up();
  for (ArchiveId id = 1; id <= 3; ++id) owed.stored(id, true, 1, Owed::Writers::one);
  EXPECT_EQ(owed.first_unsettled(), 1U);
  owed.settle(1);
  EXPECT_EQ(owed.first_unsettled(), 2U);
  owed.settle(3);
  owed.settle(2);
  EXPECT_EQ(owed.first_unsettled(), 4U);
}

TEST(Owed, ManySettledAboveTheFloor_CostBoundedMemory) {
  Owed owed;
  owed.stored(1, false, 0, Owed::Writers::one);
  for (ArchiveId id = 2; id < 30'000; ++id) owed.stored(id, true, 0, Owed::Writers::one);
  EXPECT_LT(owed.encode().size(), 100'000U);
  EXPECT_TRUE(owed.waits(1));
  EXPECT_FALSE(owed.waits(29'999));
}

TEST(Owed, WhatTheArchiveHasNoMore_DoesNotWaitForEver) {
  Owed owed;
  ASSERT_TRUE(owed.decode("9 3,7"));
  EXPECT_EQ(owed.backlog_after(), 2U);
  owed.forget_unfound(2, 5);
  EXPECT_EQ(owed.backlog_after(), 6U);
  owed.passed(7, true, true, kSure);
  owed.forget_unfound(6, 100);
  EXPECT_TRUE(owed.give_back(7));
}

// Ids of several nodes: a time, and the slot of the node.
ArchiveId at(ArchiveId time, ArchiveId slot) {
  return (time << 10U) | slot;
}

void store(Owed& owed, ArchiveId id, unsigned holders) {
  owed.stored(id, true, holders, Owed::Writers::several);
}

TEST(Owed, WhatAnotherNodeArchives_WaitsHoweverFarTheHomeIs) {
  Owed owed = caught_up();
  store(owed, at(10, 1), 0);
  store(owed, at(12, 1), 0);
  EXPECT_FALSE(owed.waits(at(9, 1)));
  EXPECT_TRUE(owed.waits(at(11, 2)));
  Owed next;
  ASSERT_TRUE(next.decode(owed.encode()));
  EXPECT_LT(next.backlog_after(), at(11, 2));
  EXPECT_TRUE(next.waits(at(11, 2)));
  EXPECT_FALSE(next.waits(at(12, 1)));
}

TEST(Owed, WhatWasReadFromTheArchive_IsBelowTheFloorOnceNobodyAddsToIt) {
  Owed owed = caught_up();
  store(owed, at(10, 1), 0);
  store(owed, at(12, 1), 1);
  owed.look_again();
  owed.passed(at(10, 1), false, false, at(10, 1));
  owed.passed(at(11, 2), true, false, at(10, 1));
  owed.backlog_read(at(10, 1));
  EXPECT_EQ(owed.floor(), at(10, 1));
  EXPECT_TRUE(owed.waits(at(11, 3))) << "it may still be on its way";
  EXPECT_FALSE(owed.waits(at(11, 2)));
  owed.look_again();
  owed.backlog_read(at(20, 0));
  EXPECT_FALSE(owed.waits(at(11, 3)));
  EXPECT_EQ(owed.encode(), std::to_string(at(12, 1)) + " " + std::to_string(at(12, 1)) + " ");
}

TEST(Owed, HomesThatFollowEachOther_EachHasItsMark) {
  Owed owed = caught_up();
  store(owed, at(10, 1), 1);
  store(owed, at(11, 1), 0);
  Owed second;
  ASSERT_TRUE(second.decode(owed.encode()));
  EXPECT_TRUE(second.waits(at(10, 1))) << "it was not acknowledged";
  second.passed(at(10, 1), true, false, at(5, 0));
  second.backlog_read(at(5, 0));
  store(second, at(20, 2), 0);
  EXPECT_FALSE(second.waits(at(11, 1)));
  EXPECT_TRUE(second.waits(at(12, 1)));
  Owed third;
  ASSERT_TRUE(third.decode(second.encode()));
  third.backlog_read(at(5, 0));
  store(third, at(30, 1), 0);
  for (const ArchiveId id : {at(10, 1), at(11, 1), at(19, 1), at(20, 2), at(30, 1)}) {
    EXPECT_FALSE(third.waits(id));
  }
  EXPECT_TRUE(third.waits(at(21, 2)));
  EXPECT_EQ(third.highest(), at(30, 1));
  EXPECT_EQ(third.behind(), at(30, 1) - at(5, 0));
}

TEST(Owed, Decode_RefusesWhatItNeverWrote) {
  Owed owed;
  for (const char* text : {"x", "-1", "5 6", "5 3,2", "5  5", "5  7,7", "5 ,", "5 1 9 1", "5 1 9,x",
                           "99999999999999999999", "5   3", "5   2000,3000,1", "5   2000 1"}) {
    EXPECT_FALSE(owed.decode(text)) << text;
  }
  EXPECT_EQ(owed.encode(), "");
  for (const char* text :
       {"0", "5", "5 1,5 ", "5  6,9", "5 1 6", "5 1 6 2000,2001", "5 976  2000"}) {
    EXPECT_TRUE(owed.decode(text)) << text;
  }
}

}  // namespace
}  // namespace starling::core
