#include "stream/stream_management.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/manual_loop.h"

namespace starling::stream {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class StreamManagementTest : public testing::Test {
 protected:
  // On the session's own thread.
  void release(xmpp::ReceiptPtr& receipt) {
    loop_.inside([&] { receipt.reset(); });
  }
  static xmpp::Stanza message(core::ArchiveId id) {
    auto stanza = xmpp::Stanza::from_text("<message><body>x</body></message>");
    stanza.set_archive_id(id);
    return stanza;
  }

  ManualLoop loop_;
  std::shared_ptr<StreamManagement> state_ = std::make_shared<StreamManagement>(loop_);
};

// What is not yet durable holds back the count, whatever was done after it.
TEST_F(StreamManagementTest, Handled_HasNoGaps) {
  auto first = state_->received();
  auto second = state_->received();
  auto third = state_->received();
  release(second);
  EXPECT_EQ(state_->handled(), 0U);
  release(first);
  EXPECT_EQ(state_->handled(), 2U);
  EXPECT_EQ(state_->in_hand(), 1U);
  release(third);
  EXPECT_EQ(state_->handled(), 3U);
  EXPECT_EQ(state_->in_hand(), 0U);
}

TEST_F(StreamManagementTest, BytesInHand_AreThoseOfWhatIsNotDone) {
  auto first = state_->received(100);
  auto second = state_->received(30);
  EXPECT_EQ(state_->in_hand_bytes(), 130U);
  release(second);
  EXPECT_EQ(state_->in_hand_bytes(), 100U);
  release(first);
  EXPECT_EQ(state_->in_hand_bytes(), 0U);
}

TEST_F(StreamManagementTest, Copies_OnlyTheLastCounts) {
  xmpp::Stanza stanza = message(0);
  stanza.set_receipt(state_->received());
  loop_.inside([&] {
    xmpp::Stanza copy = stanza;
    stanza.drop_receipt();
    EXPECT_EQ(state_->handled(), 0U);
    copy = message(1);
  });
  EXPECT_EQ(state_->handled(), 1U);
}

TEST_F(StreamManagementTest, ReceiptLetGoOnAnotherThread_CountsOnTheLoop) {
  auto receipt = state_->received();
  std::thread([&] { receipt.reset(); }).join();
  EXPECT_EQ(state_->handled(), 0U);
  loop_.run();
  EXPECT_EQ(state_->handled(), 1U);
}

TEST_F(StreamManagementTest, ReceiptThatOutlivesTheSession_IsHarmless) {
  auto one = state_->received();
  auto two = state_->received();
  std::thread([&] { one.reset(); }).join();
  state_.reset();
  loop_.run();
  std::thread([&] { two.reset(); }).join();
  EXPECT_EQ(loop_.run(), 0);
}

TEST_F(StreamManagementTest, Asked_IsAnsweredWhenAllThatCameBeforeIsDone) {
  int progress = 0;
  state_->on_progress([&] { ++progress; });
  state_->asked();
  EXPECT_TRUE(state_->answer_due());
  state_->answered();
  EXPECT_FALSE(state_->asked_and_waiting());

  auto first = state_->received();
  state_->asked();
  auto second = state_->received();
  state_->asked();
  EXPECT_FALSE(state_->answer_due());
  release(first);
  EXPECT_EQ(progress, 1);
  ASSERT_TRUE(state_->answer_due());
  state_->answered();
  // The second question is still open.
  EXPECT_TRUE(state_->asked_and_waiting());
  EXPECT_FALSE(state_->answer_due());
  release(second);
  ASSERT_TRUE(state_->answer_due());
  state_->answered();
  EXPECT_FALSE(state_->asked_and_waiting());
}

// Its node may park a session just when one of its client's attempts to resume it comes, or two of
// them do.
TEST_F(StreamManagementTest, AllDealtWith_IsToldToAllWhoWait) {
  int told = 0;
  auto receipt = state_->received();
  state_->when_all_is_dealt_with([&] { ++told; });
  state_->when_all_is_dealt_with([&] { ++told; });
  loop_.run();
  EXPECT_EQ(told, 0);
  release(receipt);
  loop_.run();
  EXPECT_EQ(told, 2);
  state_->when_all_is_dealt_with([&] { ++told; });
  loop_.run();
  EXPECT_EQ(told, 3);
}

// Under load questions come faster than answers; each answer must not wait for the latest question.
TEST_F(StreamManagementTest, AskedAgainAndAgain_IsAnsweredMeanwhile) {
  auto receipt = state_->received();
  state_->asked();
  for (int i = 0; i < 10; ++i) {
    auto next = state_->received();
    state_->asked();
    release(receipt);
    EXPECT_TRUE(state_->answer_due()) << i;
    state_->answered();
    receipt = std::move(next);
  }
}

TEST_F(StreamManagementTest, Acknowledge_TakesWhatWasSentUpToThere) {
  for (core::ArchiveId id = 1; id <= 4; ++id) state_->sent(message(id == 2 ? 0 : id));
  std::vector<core::ArchiveId> archived;
  EXPECT_TRUE(state_->acknowledge(3, archived));
  EXPECT_THAT(archived, ElementsAre(1, 3));
  EXPECT_EQ(state_->unacknowledged(), 1U);
  EXPECT_TRUE(state_->acknowledge(3, archived));
  EXPECT_TRUE(state_->acknowledge(1, archived)) << "an old one that was on its way";
  EXPECT_EQ(state_->unacknowledged(), 1U);
  EXPECT_FALSE(state_->acknowledge(5, archived));
  EXPECT_GT(state_->unacknowledged_bytes(), 0U);
  EXPECT_TRUE(state_->acknowledge(4, archived));
  EXPECT_EQ(state_->unacknowledged_bytes(), 0U);
  EXPECT_THAT(state_->take_queue(), IsEmpty());
}

TEST_F(StreamManagementTest, TakeQueue_IsWhatTheClientMayNotHave) {
  for (core::ArchiveId id = 1; id <= 3; ++id) state_->sent(message(id));
  std::vector<core::ArchiveId> archived;
  ASSERT_TRUE(state_->acknowledge(1, archived));
  const auto taken = state_->take_queue();
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[0].archive_id(), 2U);
  EXPECT_EQ(taken[1].archive_id(), 3U);
  EXPECT_EQ(state_->unacknowledged(), 0U);
}

// The sender of what this client was sent does not wait for it.
TEST_F(StreamManagementTest, Queue_KeepsNoReceipts) {
  auto sender = std::make_shared<StreamManagement>(loop_);
  xmpp::Stanza stanza = message(1);
  stanza.set_receipt(sender->received());
  loop_.inside([&] {
    state_->sent(stanza);
    stanza.drop_receipt();
  });
  EXPECT_EQ(sender->handled(), 1U);
}

// --- what a crash leaves ---

class RemainingTest : public StreamManagementTest {
 protected:
  RemainingTest() { state_->resumable_by("abcdefghijklmnopqrstuvwxyz"); }
  // The client sends one that is archived under this id.
  xmpp::ReceiptPtr archived(core::ArchiveId id) {
    auto receipt = state_->received();
    loop_.inside([&] { mark_ = receipt->archiving(id); });
    return receipt;
  }
  void handle_other() {
    auto receipt = state_->received();
    release(receipt);
  }

  std::string mark_;
};

TEST_F(RemainingTest, FirstAnswer_WaitsForANote) {
  handle_other();
  state_->asked();
  EXPECT_TRUE(state_->answerable());
  EXPECT_FALSE(state_->answer_due());
  ASSERT_TRUE(state_->to_note());
  const auto note = state_->begin_note(7);
  EXPECT_EQ(note.handled, 1U);
  EXPECT_EQ(note.since, 7U);
  handle_other();
  state_->noted(note.handled);
  EXPECT_TRUE(state_->answer_due());
  EXPECT_EQ(state_->told(), 1U);
  EXPECT_TRUE(state_->to_note());
}

TEST_F(RemainingTest, ArchivedMessages_NeedNoNote) {
  state_->noted(0);
  auto first = archived(10);
  EXPECT_EQ(mark_, "abcdef 1 0");
  auto second = archived(11);
  EXPECT_EQ(mark_, "abcdef 2 0");
  release(second);
  EXPECT_EQ(state_->told(), 0U);
  release(first);
  EXPECT_EQ(state_->told(), 2U);
  EXPECT_FALSE(state_->to_note());
}

// A message says of all before it that they were dealt with, if they were when it came.
TEST_F(RemainingTest, AMessage_CoversWhatWasDealtWithBefore) {
  state_->noted(0);
  handle_other();
  handle_other();
  EXPECT_EQ(state_->told(), 0U);
  auto message = archived(10);
  EXPECT_EQ(mark_, "abcdef 3 2");
  release(message);
  EXPECT_EQ(state_->told(), 3U);
}

TEST_F(RemainingTest, AMessage_DoesNotCoverWhatWasUnderWay) {
  state_->noted(0);
  auto other = state_->received();
  auto message = archived(10);
  release(message);
  release(other);
  EXPECT_EQ(state_->handled(), 2U);
  EXPECT_EQ(state_->told(), 0U);
  EXPECT_TRUE(state_->to_note());
}

TEST_F(RemainingTest, AMessageThatWasNotArchived_IsNotCounted) {
  state_->noted(0);
  auto message = archived(10);
  loop_.inside([&] { message->not_archived(); });
  release(message);
  EXPECT_EQ(state_->told(), 0U);
}

// What is archived already, and beyond the note, is found behind what the note says.
TEST_F(RemainingTest, Note_ComesBeforeWhatIsUnderWay) {
  handle_other();
  auto waiting = state_->received();
  auto message = archived(10);
  auto next = archived(11);
  EXPECT_EQ(state_->begin_note(20).since, 9U);
}

TEST_F(RemainingTest, AFailedNote_ChangesNothing) {
  handle_other();
  const auto note = state_->begin_note(0);
  state_->noted(note.handled, false);
  EXPECT_TRUE(state_->to_note());
  EXPECT_EQ(state_->told(), 0U);
}

TEST_F(RemainingTest, ASessionThatHasEnded_TellsAllOnlyToWhoClosedIt) {
  handle_other();
  state_->forgotten();
  EXPECT_FALSE(state_->to_note());
  EXPECT_EQ(state_->told(), 0U) << "to erase the note may fail";
  state_->closed();
  EXPECT_EQ(state_->told(), 1U);
}

}  // namespace
}  // namespace starling::stream
