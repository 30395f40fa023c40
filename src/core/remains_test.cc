#include "core/remains.h"

#include <chrono>

#include "core/archive_mark.h"
#include "core/test_server.h"

namespace starling::core {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;
using testing::SizeIs;

constexpr const char* kAlice = "alice@example.org";
constexpr const char* kBob = "bob@example.org";
constexpr const char* kId = "abcdefghijklmnopqrstuvwxyz";
constexpr ArchiveId kSome = archive_id_at(1'000'000'000);

class RemainsTest : public ServerTest {
 protected:
  TestClient& bob_ = server_.online("bob@example.org/desk");
  Remains& remains_ = server_.home(kAlice).remains();
  ArchiveId last_ = kSome;

  static std::string message(const std::string& id, const std::string& body = "hi") {
    return "<message from='alice@example.org/phone' to='bob@example.org' type='chat' id='" + id +
           "'><body>" + body + "</body></message>";
  }
  void append(const char* owner, const char* peer, const char* detail, std::string value) {
    store::LogEntry entry{++last_, peer, detail, std::move(value)};
    auto& logs = server_.store().logs();
    ASSERT_TRUE(server_.wait(logs.append(owner, std::string(kArchiveLog), std::move(entry))));
  }
  // Alice's session has sent it; Bob has it.
  void sent(std::uint32_t number, std::uint32_t handled, std::string_view id = kId) {
    std::string text = message("m" + std::to_string(number));
    add_mark(text, ArchiveMark{Remains::tag_of(id), number, handled}.encode());
    append(kAlice, kBob, "", std::move(text));
  }
  void arrived(std::uint32_t number) {
    append(kBob, kAlice, "phone", message("m" + std::to_string(number)));
  }
  void note(std::uint32_t handled, ArchiveId since = kSome) {
    ASSERT_TRUE(server_.wait(remains_.write(jid(kAlice), kId, {handled, since})));
  }
  std::optional<std::uint32_t> take() { return server_.wait(remains_.take(jid(kAlice), kId)); }
  std::size_t notes() {
    const auto entries =
        server_.wait(server_.store().maps().scan(kAlice, std::string(Offline::kMap)));
    return static_cast<std::size_t>(std::ranges::count_if(
        *entries, [](const store::Entry& entry) { return entry.key.starts_with("count "); }));
  }
};
INSTANTIATE_TEST_SUITE_P(Workers, RemainsTest, testing::Values(1, 3));

TEST_P(RemainsTest, Nothing_IfThereIsNoNote) {
  sent(1, 0);
  EXPECT_EQ(take(), std::nullopt);
}

TEST_P(RemainsTest, TheNote_Once) {
  note(7);
  EXPECT_THAT(take(), Optional(7U));
  EXPECT_EQ(take(), std::nullopt);
  EXPECT_EQ(notes(), 0U);
}

TEST_P(RemainsTest, TheNote_OfAnotherAccountIsNotGiven) {
  note(7);
  EXPECT_EQ(server_.wait(remains_.take(jid(kBob), kId)), std::nullopt);
  EXPECT_EQ(notes(), 1U);
}

TEST_P(RemainsTest, Marks_GoOnFromThere) {
  note(2);
  sent(3, 2);
  sent(1, 0, "of another session");
  append(kAlice, kBob, "", message("unmarked"));
  sent(6, 5);  // 4 and 5 were no messages
  sent(7, 5);
  sent(9, 5);  // 8 is not known
  for (const std::uint32_t number : {3U, 6U, 7U, 9U}) arrived(number);
  EXPECT_THAT(take(), Optional(7U));
  EXPECT_THAT(bob_.take(), IsEmpty());
}

TEST_P(RemainsTest, Marks_WhatTheNoteCountsIsNotCountedTwice) {
  sent(1, 0);
  note(2, last_);
  sent(4, 1);
  EXPECT_THAT(take(), Optional(2U));
}

TEST_P(RemainsTest, Marks_WrapAround) {
  note(0xFFFF'FFFE);
  sent(0xFFFF'FFFF, 0xFFFF'FFFE);
  sent(0, 0xFFFF'FFFE);
  sent(1, 0);
  for (const std::uint32_t number : {0xFFFF'FFFF, 0U, 1U}) arrived(number);
  EXPECT_THAT(take(), Optional(1U));
}

// The crash was between the two archives.
TEST_P(RemainsTest, WhatHadNotReachedItsAddressee_IsSentOn) {
  note(0);
  sent(1, 0);
  sent(2, 0);
  sent(3, 0);
  arrived(2);
  EXPECT_THAT(take(), Optional(3U));
  EXPECT_THAT(bob_.take(),
              ElementsAre(testing::HasSubstr("id='m1'"), testing::HasSubstr("id='m3'")));
  EXPECT_THAT(server_.archive_of(kBob), SizeIs(3));
}

TEST_P(RemainsTest, ToNobody_IsAnsweredAsEver) {
  note(0);
  std::string text = "<message from='alice@example.org/phone' to='no@example.org' id='m1'/>";
  add_mark(text, ArchiveMark{Remains::tag_of(kId), 1, 0}.encode());
  append(kAlice, "no@example.org", "", std::move(text));
  EXPECT_THAT(take(), Optional(1U));
}

TEST_P(RemainsTest, TooFarBack_IsNotLookedFor) {
  note(0);
  sent(1, 0);
  for (int i = 0; i < 1'000; ++i) append(kAlice, kBob, "x", message("other"));
  EXPECT_EQ(take(), std::nullopt);
  sent(2, 1);
  arrived(2);
  EXPECT_THAT(take(), Optional(2U));
}

TEST_P(RemainsTest, AnUnreadableStore_TellsNothingAndKeepsTheNote) {
  note(3);
  sent(4, 3);
  for (int call = 1; call <= 4; ++call) {  // the note, the archive, twice Bob's
    server_.store().fail_call(call);
    EXPECT_EQ(take(), std::nullopt) << call;
    EXPECT_EQ(notes(), 1U);
  }
  EXPECT_THAT(bob_.take(), IsEmpty());
  EXPECT_THAT(take(), Optional(4U));
}

TEST_P(RemainsTest, Notes_OfThoseWhoDoNotComeBackAreDropped) {
  note(3);
  server_.connect("alice@example.org/desk");
  EXPECT_EQ(notes(), 1U);
  for (std::size_t i = 0; i < GetParam(); ++i) server_.loop(i).advance(std::chrono::hours(2));
  server_.settle();
  EXPECT_EQ(notes(), 0U);
}

TEST_P(RemainsTest, Notes_OfThoseWhoAreBackStay) {
  note(3);
  server_.connect("alice@example.org/desk");
  note(4);  // it goes on
  for (std::size_t i = 0; i < GetParam(); ++i) server_.loop(i).advance(std::chrono::hours(2));
  server_.settle();
  EXPECT_EQ(notes(), 1U);
}

}  // namespace
}  // namespace starling::core
