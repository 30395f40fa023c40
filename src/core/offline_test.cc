#include "core/offline.h"

#include "core/test_server.h"

namespace starling::core {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kBob = "bob@example.org";
constexpr const char* kDelay = "<delay xmlns='urn:xmpp:delay' from='example.org'/>";

std::string to(std::string_view address, int n) {
  return "<message to='" + std::string(address) + "' type='chat' id='" + std::to_string(n) +
         "'><body>" + std::to_string(n) + "</body></message>";
}

// As it arrives from alice.
std::string from_alice(std::string_view address, int n, std::string_view added = {}) {
  return "<message from='alice@example.org/phone' to='" + std::string(address) +
         "' type='chat' id='" + std::to_string(n) + "'><body>" + std::to_string(n) + "</body>" +
         std::string(added) + "</message>";
}

// The ids of the messages among them, in order.
std::string ids(const std::vector<std::string>& stanzas) {
  static const std::regex message("<message [^>]* id='([0-9]+)'");
  std::string found;
  for (const auto& xml : stanzas) {
    std::smatch match;
    if (std::regex_search(xml, match, message)) found += (found.empty() ? "" : " ") + match.str(1);
  }
  return found;
}

class OfflineTest : public ServerTest {
 protected:
  TestClient& alice_ = server_.online("alice@example.org/phone");
  // Stores the cursors that moved.
  void let_a_second_pass() {
    for (std::size_t i = 0; i < GetParam(); ++i) server_.loop(i).advance(std::chrono::seconds(2));
    server_.settle();
  }
  // A client that has just sent its first presence; everything it received is still there.
  TestClient& log_in(std::string_view full, bool managed = false) {
    TestClient& client = server_.connect(full);
    if (managed) client.manage();
    client.send("<presence/>");
    return client;
  }
};
INSTANTIATE_TEST_SUITE_P(Workers, OfflineTest, testing::Values(1, 3));

TEST_P(OfflineTest, NobodyThere_WaitsForTheNextLogIn) {
  alice_.send(to(kBob, 1), to(kBob, 2));
  EXPECT_THAT(alice_.take(), IsEmpty());
  TestClient& bob = log_in("bob@example.org/phone");
  const auto got = bob.take();
  ASSERT_THAT(got, SizeIs(3));
  EXPECT_EQ(got[1], from_alice(kBob, 1, kDelay));
  EXPECT_EQ(got[2], from_alice(kBob, 2, kDelay));
  bob.disconnect();
  EXPECT_EQ(ids(log_in("bob@example.org/phone").take()), "");
}

TEST_P(OfflineTest, OneCopy_InEachArchive) {
  alice_.send(to(kBob, 1));
  TestClient& bob = log_in("bob@example.org/phone");
  bob.disconnect();
  EXPECT_THAT(server_.archive_of(kBob), ElementsAre(from_alice(kBob, 1)));
  EXPECT_THAT(server_.archive_of("alice@example.org"), ElementsAre(from_alice(kBob, 1)));
}

TEST_P(OfflineTest, WhatBobSentHimself_IsNotOfferedToHim) {
  TestClient& bob = log_in("bob@example.org/phone");
  bob.send(to("alice@example.org", 1));
  bob.disconnect();
  alice_.send(to(kBob, 2));
  EXPECT_EQ(ids(log_in("bob@example.org/phone").take()), "2");
}

TEST_P(OfflineTest, NegativePriority_GetsNothingUntilItRises) {
  alice_.send(to(kBob, 1));
  TestClient& bob = server_.connect("bob@example.org/phone");
  bob.send("<presence><priority>-1</priority></presence>");
  EXPECT_EQ(ids(bob.take()), "");
  alice_.send(to(kBob, 2));
  alice_.send(to("bob@example.org/phone", 3));
  EXPECT_EQ(ids(bob.take()), "3");
  bob.send("<presence><priority>0</priority></presence>");
  EXPECT_EQ(ids(bob.take()), "1 2");
  bob.send("<presence><priority>0</priority></presence>");
  EXPECT_EQ(ids(bob.take()), "");
}

// Kept until delivered (XEP-0334): it takes its place among the others, and leaves no trace.
TEST_P(OfflineTest, NotForTheArchive_IsDeliveredInOrderAndGone) {
  alice_.send(to(kBob, 1));
  alice_.send(
      "<message to='bob@example.org' id='2'><body>x</body>"
      "<no-permanent-store xmlns='urn:xmpp:hints'/></message>");
  alice_.send(to(kBob, 3));
  EXPECT_THAT(server_.archive_of(kBob, kTransientLog), SizeIs(1));
  TestClient& bob = log_in("bob@example.org/phone");
  EXPECT_EQ(ids(bob.take()), "1 2 3");
  let_a_second_pass();
  EXPECT_THAT(server_.archive_of(kBob, kTransientLog), IsEmpty());
  EXPECT_THAT(server_.archive_of(kBob), SizeIs(2));
}

TEST_P(OfflineTest, MoreThanAPage_AllComeInOrder) {
  std::string expected;
  for (int i = 1; i <= 250; ++i) {
    alice_.send_now(i % 3 == 0 ? "<message to='bob@example.org' id='" + std::to_string(i) +
                                     "'><body>x</body><no-permanent-store "
                                     "xmlns='urn:xmpp:hints'/></message>"
                               : to(kBob, i));
    expected += (expected.empty() ? "" : " ") + std::to_string(i);
  }
  server_.settle();
  EXPECT_EQ(ids(log_in("bob@example.org/phone").take()), expected);
}

// Subscribe first, then read: what is on its way to the disk at that moment is neither lost nor
// handed out twice.
TEST_P(OfflineTest, LogInWhileMessagesAreBeingWritten_LosesNone) {
  TestClient& bob = server_.connect("bob@example.org/phone");
  server_.store().hold();
  alice_.send(to(kBob, 1), to(kBob, 2));
  bob.send("<presence/>");
  alice_.send(to(kBob, 3));
  server_.release_one_by_one();
  server_.settle();
  EXPECT_EQ(ids(bob.take()), "1 2 3");
}

TEST_P(OfflineTest, SlowClient_GetsTheRestLater) {
  for (int i = 1; i <= 3; ++i) alice_.send(to(kBob, i));
  TestClient& bob = server_.connect("bob@example.org/phone");
  bob.set_congested(true);
  bob.send("<presence/>");
  EXPECT_EQ(ids(bob.take()), "");
  alice_.send(to(kBob, 4));
  EXPECT_EQ(ids(bob.take()), "") << "it must not overtake the others";
  bob.set_congested(false);
  let_a_second_pass();
  EXPECT_EQ(ids(bob.take()), "1 2 3 4");
  alice_.send(to(kBob, 5));
  EXPECT_EQ(ids(bob.take()), "5");
}

TEST_P(OfflineTest, NotAcknowledged_IsOfferedAgain) {
  TestClient& bob = log_in("bob@example.org/phone", true);
  bob.take();
  alice_.send(to(kBob, 1), to(kBob, 2), to("bob@example.org/phone", 3));
  bob.acknowledge(2);  // its own presence and the first
  EXPECT_EQ(ids(bob.take()), "1 2 3");
  bob.disconnect();
  EXPECT_THAT(alice_.take(), IsEmpty());
  TestClient& again = log_in("bob@example.org/tablet", true);
  EXPECT_EQ(ids(again.take()), "2 3");
  again.acknowledge(3);
  again.disconnect();
  EXPECT_EQ(ids(log_in("bob@example.org/phone").take()), "");
}

TEST_P(OfflineTest, NotAcknowledgedByOneSession_GoesToTheOther) {
  TestClient& phone = log_in("bob@example.org/phone", true);
  TestClient& tablet = log_in("bob@example.org/tablet", true);
  alice_.send(to("bob@example.org/phone", 1));
  alice_.send(to(kBob, 2));
  phone.take();
  tablet.take();
  phone.disconnect();
  EXPECT_EQ(ids(tablet.take()), "1") << "the second it has already";
}

// What was not to be kept goes back to who sent it, as if the resource had not been there.
TEST_P(OfflineTest, NotAcknowledgedAndNotKept_IsAnErrorToTheSender) {
  TestClient& bob = log_in("bob@example.org/phone", true);
  alice_.send(
      "<message to='bob@example.org/phone' type='chat' id='1'><body>x</body>"
      "<no-store xmlns='urn:xmpp:hints'/></message>");
  alice_.send("<iq to='bob@example.org/phone' type='get' id='2'><q xmlns='urn:test'/></iq>");
  alice_.send("<iq to='bob@example.org/phone' type='result' id='3'/>");
  alice_.send("<presence to='bob@example.org/phone'/>");
  alice_.take();
  bob.disconnect();
  const auto got = alice_.take();
  ASSERT_THAT(got, SizeIs(2));
  EXPECT_THAT(got[0], testing::HasSubstr("type='error' id='1'"));
  EXPECT_THAT(got[1], testing::HasSubstr("type='error' id='2'"));
}

// After a crash the store has the archive and the cursor of a moment ago.
TEST_P(OfflineTest, Restart_OffersWhatWasNotAcknowledged) {
  TestClient& bob = log_in("bob@example.org/phone", true);
  alice_.send(to(kBob, 1), to(kBob, 2), to(kBob, 3));
  bob.acknowledge(3);
  let_a_second_pass();

  ThreadPool pool(1, "test");
  ManualLoop loop;
  Server restarted(server_.store(), pool, {"example.org"}, {}, {&loop});
  Owed cursor;
  const auto stored = server_.wait(server_.store().maps().get(kBob, "offline", "cursor"));
  ASSERT_TRUE(stored && *stored);
  ASSERT_TRUE(cursor.decode(**stored));
  const auto page =
      server_.wait(server_.store().logs().read(kBob, std::string(kArchiveLog), {}, 10, false));
  ASSERT_THAT(page->entries, SizeIs(3));
  EXPECT_FALSE(cursor.waits(page->entries[0].id));
  EXPECT_FALSE(cursor.waits(page->entries[1].id));
  EXPECT_TRUE(cursor.waits(page->entries[2].id));
}

// Whichever call of the store fails: the sender hears of it, or the message is there.
TEST_P(OfflineTest, StoreFailure_IsReportedOrHarmless) {
  for (int n = 1; n < 12; ++n) {
    TestServer server(GetParam());
    TestClient& alice = server.online("alice@example.org/phone");
    server.store().fail_call(n);
    alice.send(to(kBob, 1));
    const bool failed = server.store().failed();
    server.store().fail_call(-1);
    const auto answer = alice.take();
    TestClient& bob = server.connect("bob@example.org/phone");
    bob.send("<presence/>");
    const bool arrived = ids(bob.take()) == "1";
    EXPECT_NE(arrived, !answer.empty()) << "call " << n;
    if (!answer.empty()) {
      EXPECT_THAT(answer[0], testing::HasSubstr("<resource-constraint ")) << "call " << n;
    }
    if (!failed) return;
  }
  FAIL() << "the scenario never ran through";
}

}  // namespace
}  // namespace starling::core
