#include "core/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/parcels.h"
#include "core/test_cluster.h"
#include "core/test_server.h"

namespace starling::core {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

using Event = Journal::Event;

std::vector<std::string_view> events(const std::vector<Journal::Entry>& entries) {
  std::vector<std::string_view> found;
  for (const Journal::Entry& entry : entries) found.push_back(to_string(entry.event));
  return found;
}

xmpp::Stanza message(std::string_view id, std::string_view from = "a@example.org/b") {
  return stanza_of("<message id='" + std::string(id) + "' from='" + std::string(from) +
                   "' to='bob@example.org'><body>hi</body></message>");
}

class JournalTest : public testing::Test {
 protected:
  std::vector<std::string_view> told(std::string_view id, std::string_view at) {
    return events(server_.home(at).journal().find(id, {}));
  }

  TestServer server_{1};
  Journal& journal_ = server_.server().worker(0).journal();
};

TEST_F(JournalTest, AMessage_IsFoundByItsIdItsSenderAndItsTrace) {
  xmpp::Stanza one = message("1", "alice@example.org/a");
  journal_.identify(one);
  journal_.note(Event::received, one, 7, "203.0.113.7:1");
  journal_.note(Event::received, message("2"));
  journal_.note(Event::received, message("1", "mallory@example.org/a"));
  EXPECT_THAT(journal_.find("1", {}), SizeIs(2));
  EXPECT_THAT(journal_.find("1", jid("alice@example.org")), SizeIs(1));
  EXPECT_THAT(journal_.find("1", jid("alice@example.org/other")), SizeIs(1));
  EXPECT_THAT(journal_.find("3", {}), IsEmpty());
  const auto found = journal_.find(one.trace_id().str(), {});
  ASSERT_THAT(found, SizeIs(1));
  const Journal::Entry& entry = found[0];
  EXPECT_EQ(std::string(entry.from.data(), entry.from_size), "alice@example.org/a");
  EXPECT_EQ(std::string(entry.to.data(), entry.to_size), "bob@example.org");
  EXPECT_EQ(std::string(entry.id.data(), entry.id_size), "1");
  EXPECT_EQ(std::string(entry.text.data(), entry.text_size), "203.0.113.7:1");
  EXPECT_EQ(entry.number, 7U);
}

TEST_F(JournalTest, AnErrorThatComesBack_IsOfTheSendersMessage) {
  const xmpp::Stanza one = message("1", "alice@example.org/a");
  journal_.note(Event::delivered,
                xmpp::make_error(one, {xmpp::StanzaCondition::service_unavailable, "", {}}));
  EXPECT_THAT(journal_.find("1", jid("alice@example.org")), SizeIs(1));
  EXPECT_THAT(journal_.find("1", jid("bob@example.org")), IsEmpty());
}

TEST_F(JournalTest, TheNewest_TakeThePlaceOfTheOldest) {
  journal_.keep(3);
  for (const char* id : {"1", "2", "3"}) journal_.note(Event::received, message(id));
  EXPECT_EQ(journal_.forgotten_until_us(), 0);
  journal_.note(Event::waits, message("3"));
  EXPECT_THAT(journal_.find("1", {}), IsEmpty());
  EXPECT_THAT(journal_.find("2", {}), SizeIs(1));
  EXPECT_THAT(events(journal_.find("3", {})), ElementsAre("received", "waits"));
  EXPECT_GT(journal_.forgotten_until_us(), 0);
}

TEST_F(JournalTest, SwitchedOff_KnowsNothing) {
  journal_.keep(0);
  EXPECT_FALSE(journal_.on());
  journal_.note(Event::received, message("1"));
  EXPECT_THAT(journal_.find("1", {}), IsEmpty());
  EXPECT_EQ(journal_.forgotten_until_us(), 0);
}

TEST_F(JournalTest, WhatIsLong_IsCutBetweenCharacters) {
  std::string id = "1";
  while (id.size() < 100) id += "é";  // the last that fits in part would be cut through
  const std::string from = "alice@example.org/" + std::string(1'000, 'x');
  journal_.note(Event::received, message(id, from));
  const auto found = journal_.find(id, {});
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(std::string(found[0].id.data(), found[0].id_size), id.substr(0, 25));
  EXPECT_EQ(std::string(found[0].from.data(), found[0].from_size),
            from.substr(0, found[0].from.size()));
  EXPECT_THAT(journal_.find(id.substr(0, 25), {}), IsEmpty()) << "it is found by all of its id";
}

TEST_F(JournalTest, PresenceAndIqs_AreNotNoted) {
  auto& alice = server_.online("alice@example.org/a");
  alice.send("<presence id='1' to='bob@example.org'/>",
             "<iq id='1' type='get' to='nobody@example.org/x'><x xmlns='urn:test'/></iq>");
  EXPECT_THAT(told("1", "alice@example.org"), IsEmpty());
}

TEST_F(JournalTest, AMessage_HasAStory) {
  server_.create_account(jid("bob@example.org"));
  auto& alice = server_.online("alice@example.org/a");
  alice.send("<message id='kept' type='chat' to='bob@example.org'><body>hi</body></message>");
  EXPECT_THAT(told("kept", "bob@example.org"),
              ElementsAre("received", "sent_archived", "archived", "waits"));
  alice.send("<message id='lost' to='nobody@example.org'><body>hi</body></message>");
  EXPECT_THAT(told("lost", "bob@example.org"),
              ElementsAre("received", "sent_archived", "no_account", "bounced"));
  alice.send("<message id='far' to='bob@other.test'><body>hi</body></message>");
  EXPECT_THAT(told("far", "bob@example.org"), Contains("bounced"));
  alice.send("<message id='gone' type='headline' to='bob@example.org'><body>hi</body></message>");
  EXPECT_THAT(told("gone", "bob@example.org"), Contains("dropped"));
  server_.online("bob@example.org/b");
  EXPECT_THAT(told("kept", "bob@example.org"), Contains("offered"));
}

TEST(JournalOfACluster, TheTraceId_GoesAlong) {
  TestCluster cluster(3);
  auto& alice = cluster.online(0, "alice@example.org/a");
  auto& bob = cluster.online(1, "bob@example.org/b");
  auto& tablet = cluster.online(2, "bob@example.org/tablet");
  bob.take();
  alice.send("<message id='1' type='chat' to='bob@example.org'><body>hi</body></message>");
  cluster.pass(std::chrono::milliseconds(50));
  ASSERT_THAT(bob.take(), SizeIs(1));
  ASSERT_THAT(tablet.take(), SizeIs(1));
  const auto at_home = cluster.node(0).worker_of("alice@example.org").journal().find("1", {});
  EXPECT_THAT(events(at_home), ElementsAre("received", "sent_archived", "to_node"));
  const auto at_bobs = cluster.node(1).worker_of("bob@example.org").journal().find("1", {});
  EXPECT_THAT(events(at_bobs), ElementsAre("from_node", "archived", "to_connection"));
  ASSERT_FALSE(at_home[0].trace_id().empty());
  for (const auto& entry : at_home) EXPECT_EQ(entry.trace_id(), at_home[0].trace_id());
  for (const auto& entry : at_bobs) EXPECT_EQ(entry.trace_id(), at_home[0].trace_id());

  tablet.send("<message id='2' type='chat' to='alice@example.org'><body>hi</body></message>");
  cluster.pass(std::chrono::milliseconds(50));
  const auto visitor = cluster.node(2).worker_of("bob@example.org").journal().find("2", {});
  EXPECT_THAT(events(visitor), ElementsAre("received", "to_home"));
  const auto home = cluster.node(1).worker_of("bob@example.org").journal().find("2", {});
  EXPECT_THAT(events(home), ElementsAre("received_here", "sent_archived", "to_node"));
  EXPECT_EQ(home[0].trace_id(), visitor[0].trace_id());
}

TEST(ParcelHead, ATraceId_IsReadBack) {
  const xmpp::TraceId trace{.high = 0xfedcba9876543210, .low = 1};
  const std::string for_account =
      std::move(begin_parcel(ParcelKind::stanza, "bob@example.org", trace).number(5)).take();
  cluster::Decoder first(for_account);
  const auto head = read_parcel_head(first);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->kind, ParcelKind::stanza);
  EXPECT_EQ(head->account, "bob@example.org");
  EXPECT_EQ(head->trace_id, trace);
  EXPECT_EQ(first.number(), 5U);

  const std::string of_number = std::move(begin_parcel(ParcelKind::deliver, 9, trace)).take();
  cluster::Decoder second(of_number);
  const auto deliver = read_parcel_head(second);
  ASSERT_TRUE(deliver);
  EXPECT_EQ(deliver->number, 9U);
  EXPECT_EQ(deliver->trace_id, trace);
}

// Of a version that knows none.
TEST(ParcelHead, WithoutATraceId_IsAsItWas) {
  cluster::Encoder old;
  old.number(static_cast<std::uint64_t>(ParcelKind::stanza)).text("bob@example.org").number(5);
  EXPECT_EQ(begin_parcel(ParcelKind::stanza, "bob@example.org").number(5).view(), old.view());
  cluster::Decoder parcel(old.view());
  const auto head = read_parcel_head(parcel);
  ASSERT_TRUE(head);
  EXPECT_TRUE(head->trace_id.empty());
  EXPECT_EQ(parcel.number(), 5U);
}

TEST(ParcelHead, CutShort_IsNone) {
  const std::string whole =
      std::move(begin_parcel(ParcelKind::stanza, "bob@example.org", {.high = 1, .low = 2})).take();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    cluster::Decoder parcel(std::string_view(whole).substr(0, size));
    EXPECT_FALSE(read_parcel_head(parcel)) << size;
  }
}

}  // namespace
}  // namespace starling::core
