// A bound session's stream: stanzas in and out, silence, slowness, and the end.
#include "stream/c2s_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "stream/test_client.h"

namespace starling::stream {
namespace {

using namespace std::chrono_literals;
using test::TestClient;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr config::PingOptions kPing;

class C2sStreamTest : public testing::Test {
 protected:
  C2sStreamTest() {
    options_->starttls_required = false;
    node_.add_account("bob");
  }
  std::unique_ptr<TestClient> log_in(std::string_view resource,
                                     std::string_view username = "alice") {
    auto client = std::make_unique<TestClient>(node_, options_);
    client->log_in(resource, username);
    return client;
  }
  static void expect_error(const TestClient& client, std::string_view condition) {
    EXPECT_EQ(client.reader().stream_error(), condition);
    EXPECT_TRUE(client.reader().closed());
    EXPECT_FALSE(client.reader().broken());
    EXPECT_TRUE(client.ended());
  }

  ThreadPool pool_{1, "test"};
  test::TestNode node_{pool_, 1, {}};
  std::shared_ptr<C2sOptions> options_ = std::make_shared<C2sOptions>();
};

TEST_F(C2sStreamTest, Message_ReachesItsRecipientAndNobodyElse) {
  const auto alice = log_in("a");
  const auto bob = log_in("b", "bob");
  const auto bystander = log_in("c", "bob");
  EXPECT_EQ(alice->say("<message to='bob@example.org/b' id='1'><body>&lt;hi&gt;</body></message>"),
            "");
  EXPECT_THAT(bob->take(), AllOf(StartsWith("<message"), HasSubstr("from='alice@example.org/a'"),
                                 HasSubstr("<body>&lt;hi&gt;</body>")));
  EXPECT_EQ(bystander->take(), "");
}

TEST_F(C2sStreamTest, ManyStanzasOfOneRead_LeaveTogether) {
  const auto alice = log_in("a");
  std::string text;
  for (int i = 0; i < 50; ++i) text += "<message to='alice@example.org/a' id='m'/>";
  int pieces = 0;
  std::string all = alice->say(text);
  for (auto at = all.find("<message"); at != std::string::npos; at = all.find("<message", at + 1)) {
    ++pieces;
  }
  EXPECT_EQ(pieces, 50);
}

TEST_F(C2sStreamTest, StreamEnd_IsAnsweredAtOnceAndTheSessionIsGone) {
  const auto alice = log_in("a");
  EXPECT_EQ(alice->say("</stream:stream>"), "</stream:stream>");
  EXPECT_TRUE(alice->ended());
  EXPECT_EQ(node_.server().session_count(), 0);
  EXPECT_EQ(alice->say("<presence/>"), "");
}

TEST_F(C2sStreamTest, StanzasBeforeTheStreamEnd_AreStillHandled) {
  const auto alice = log_in("a");
  const auto bob = log_in("b", "bob");
  alice->say("<message to='bob@example.org/b' id='last'/></stream:stream><message/>");
  EXPECT_THAT(bob->take(), HasSubstr("id='last'"));
  EXPECT_FALSE(alice->reader().broken());
}

TEST_F(C2sStreamTest, StreamErrors) {
  const struct {
    std::string text;
    std::string_view condition;
  } cases[] = {
      {"<message from='bob@example.org' to='bob@example.org'/>", "invalid-from"},
      {"<presence from='alice@example.org/other'/>", "invalid-from"},
      {"<unknown/>", "unsupported-stanza-type"},
      {"<message xmlns='jabber:server'/>", "unsupported-stanza-type"},
      {"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>",
       "unsupported-stanza-type"},
      {"text", "bad-format"},
      {"<message><body></message>", "not-well-formed"},
      {"<message>\xc3\x28</message>", "not-well-formed"},
      {"<!-- comment -->", "restricted-xml"},
      {"<message>&nbsp;</message>", "restricted-xml"},
      {"<message><x:y/></message>", "bad-namespace-prefix"},
      {"<message><body>" + std::string(300'000, 'x'), "policy-violation"},
      {"<message>" +
           [] {
             std::string deep;
             for (int i = 0; i < 100; ++i) deep += "<a>";
             return deep;
           }(),
       "policy-violation"},
  };
  for (const auto& [text, condition] : cases) {
    SCOPED_TRACE(text.substr(0, 100));
    const auto alice = log_in("a");
    alice->say(text);
    expect_error(*alice, condition);
    EXPECT_EQ(node_.server().session_count(), 0);
  }
}

TEST_F(C2sStreamTest, OwnAddressAsFrom_IsAccepted) {
  const auto alice = log_in("a");
  const auto bob = log_in("b", "bob");
  alice->say(
      "<message from='alice@example.org' to='bob@example.org/b'/>"
      "<message from='alice@example.org/a' to='bob@example.org/b'/>");
  EXPECT_THAT(bob->take(),
              testing::ContainsRegex("alice@example.org/a.*<message.*alice@example.org/a"));
}

TEST_F(C2sStreamTest, MalformedStanza_IsAnsweredAndTheStreamGoesOn) {
  const auto alice = log_in("a");
  EXPECT_THAT(alice->say("<message to='a@b@c' id='1'/>"),
              AllOf(HasSubstr("id='1'"), HasSubstr("<jid-malformed")));
  EXPECT_THAT(alice->say("<iq type='get' id='2'/>"), HasSubstr("<bad-request"));
  EXPECT_FALSE(alice->ended());
}

TEST_F(C2sStreamTest, Silence_IsAnsweredByAPingThenByTheEnd) {
  const auto alice = log_in("a");
  node_.advance(kPing.interval - 10s);
  EXPECT_EQ(alice->take(), "");
  node_.advance(20s);
  const std::string ping = alice->take();
  EXPECT_THAT(ping, AllOf(HasSubstr("type='get'"), HasSubstr("<ping xmlns='urn:xmpp:ping'/>"),
                          HasSubstr("from='example.org'"), HasSubstr("to='alice@example.org/a'")));
  node_.advance(kPing.ack_timeout - 30s);
  EXPECT_EQ(alice->take(), "");  // asked once
  node_.advance(60s);
  expect_error(*alice, "connection-timeout");
  EXPECT_EQ(node_.server().session_count(), 0);
}

// A ping of the server's own would have to be counted, and kept for a resumption.
TEST_F(C2sStreamTest, SilenceWithStreamManagement_IsAnsweredByARequestForAnAcknowledgement) {
  const auto alice = log_in("a");
  alice->say("<enable xmlns='urn:xmpp:sm:3'/>");
  node_.advance(kPing.interval + 20s);
  EXPECT_EQ(alice->take(), "<r xmlns='urn:xmpp:sm:3'/>");
  EXPECT_EQ(alice->say("<a xmlns='urn:xmpp:sm:3' h='0'/>"), "");
  node_.advance(kPing.ack_timeout + 20s);
  EXPECT_FALSE(alice->ended());
}

// Or the two would ask and answer for ever.
TEST_F(C2sStreamTest, AcknowledgesLessThanItGot_IsAskedAgainOnlyAfterMore) {
  const auto alice = log_in("a");
  alice->say("<enable xmlns='urn:xmpp:sm:3'/>");
  constexpr const char* kPingServer =
      "<iq type='get' to='example.org' id='1'><ping xmlns='urn:xmpp:ping'/></iq>";
  EXPECT_THAT(alice->say(kPingServer), HasSubstr("<r xmlns='urn:xmpp:sm:3'/>"));
  EXPECT_EQ(alice->say("<a xmlns='urn:xmpp:sm:3' h='0'/>"), "");
  EXPECT_THAT(alice->say(kPingServer), HasSubstr("<r xmlns='urn:xmpp:sm:3'/>"));
  EXPECT_EQ(alice->say("<a xmlns='urn:xmpp:sm:3' h='1'/>"), "");
}

TEST_F(C2sStreamTest, AnyByte_EndsTheSilence) {
  const auto alice = log_in("a");
  for (int i = 0; i < 3; ++i) {
    node_.advance(kPing.interval + 20s);
    EXPECT_THAT(alice->take(), HasSubstr("urn:xmpp:ping"));
    EXPECT_EQ(alice->say(" "), "");
  }
  EXPECT_FALSE(alice->ended());
}

TEST_F(C2sStreamTest, HalfAStanzaForever_EndsInATimeout) {
  const auto alice = log_in("a");
  alice->say("<message to='alice@exa");
  node_.advance(kPing.interval + kPing.ack_timeout + 20s);
  expect_error(*alice, "connection-timeout");
}

TEST_F(C2sStreamTest, SlowReader_IsDroppedWhenTooMuchIsQueued) {
  options_->max_queued_bytes = 10'000;
  const auto alice = log_in("a");
  const auto bob = log_in("b", "bob");
  const std::string message =
      "<message to='bob@example.org/b'><body>" + std::string(1'000, 'x') + "</body></message>";
  bob->on_loop([&] { bob->connection().peer_takes(0); });
  for (int i = 0; i < 5; ++i) alice->say(message);
  EXPECT_FALSE(bob->dropped());  // slow, but within bounds
  for (int i = 0; i < 10; ++i) alice->say(message);
  EXPECT_TRUE(bob->dropped());
  EXPECT_EQ(node_.server().session_count(), 1);
  EXPECT_THAT(alice->say(message), HasSubstr("<message"));  // its own, back as an error
}

TEST_F(C2sStreamTest, ManyBytesInOneTurn_ForAReaderThatTakesThem_AreNoSlowness) {
  options_->max_queued_bytes = 10'000;
  const auto alice = log_in("a");
  const auto bob = log_in("b", "bob");
  std::string messages;
  for (int i = 0; i < 50; ++i) {
    messages +=
        "<message to='bob@example.org/b'><body>" + std::string(1'000, 'x') + "</body></message>";
  }
  alice->say(messages);
  EXPECT_FALSE(bob->dropped());
  EXPECT_GT(bob->take().size(), 50'000U);
}

// What is answered counts as what is delivered.
TEST_F(C2sStreamTest, UnreadAnswers_AreBounded) {
  options_->max_queued_bytes = 10'000;
  const auto alice = log_in("a");
  alice->on_loop([&] { alice->connection().peer_takes(0); });
  for (int i = 0; i < 200 && !alice->dropped(); ++i) alice->say("<r xmlns='urn:xmpp:sm:3'/>");
  EXPECT_TRUE(alice->dropped());
  EXPECT_EQ(node_.server().session_count(), 0);
}

TEST_F(C2sStreamTest, UnreadAnswersBeforeTheSession_AreBoundedMore) {
  options_->shaper_before_auth = nullptr;  // it would hold back the questions
  TestClient client(node_, options_);
  client.open();
  client.scram({});
  client.open();
  client.on_loop([&] { client.connection().peer_takes(0); });
  const std::string resume = "<resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/>";
  for (int i = 0; i < 1'000 && !client.dropped(); ++i) client.say(resume);
  EXPECT_TRUE(client.dropped());
}

TEST_F(C2sStreamTest, LostConnection_EndsTheSession) {
  const auto alice = log_in("a");
  alice->on_loop([&] { alice->connection().peer_resets(); });
  EXPECT_EQ(node_.server().session_count(), 0);
}

TEST_F(C2sStreamTest, ShutDown_EndsEveryStreamAndReportsWhenTheLastIsGone) {
  auto alice = log_in("a");
  auto bob = log_in("b", "bob");
  int done = 0;
  node_.loop().inside([&] { node_.service().shut_down([&] { ++done; }); });
  node_.settle();
  expect_error(*alice, "system-shutdown");
  expect_error(*bob, "system-shutdown");
  EXPECT_EQ(node_.server().session_count(), 0);
  alice->on_loop([&] { alice->connection().peer_closes(); });
  EXPECT_EQ(done, 0);
  node_.advance(6s);  // bob never closes: its grace is over
  EXPECT_EQ(done, 1);
}

TEST_F(C2sStreamTest, ShutDown_WithoutStreamsIsDoneAtOnce) {
  bool done = false;
  node_.loop().inside([&] { node_.service().shut_down([&] { done = true; }); });
  EXPECT_TRUE(done);
}

TEST_F(C2sStreamTest, EndSessions_TellsTheClientWhy) {
  const auto alice = log_in("a");
  node_.loop().inside([&] {
    EXPECT_EQ(node_.server().worker(0).end_sessions("alice@example.org",
                                                    xmpp::StreamCondition::not_authorized, "gone"),
              1U);
  });
  node_.settle();
  expect_error(*alice, "not-authorized");
}

}  // namespace
}  // namespace starling::stream
