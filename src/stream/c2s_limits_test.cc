// What keeps one client from taking more than its share, and how it is told and counted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/histogram.h"
#include "base/metrics.h"
#include "stream/c2s_stream.h"
#include "stream/test_client.h"

namespace starling::stream {
namespace {

using namespace std::chrono_literals;
using test::TestClient;
using testing::HasSubstr;

class C2sLimitsTest : public testing::Test {
 protected:
  C2sLimitsTest() {
    options_->starttls_required = false;
    node_.add_account("bob");
  }
  void shape_alice(config::Shaper limits) {
    const auto shaper = std::make_shared<const config::Shaper>(limits);
    options_->shaper = [shaper](const config::Subject& who) {
      return who.jid->local() == "alice" ? shaper : nullptr;
    };
  }
  std::unique_ptr<TestClient> log_in(std::string_view resource,
                                     std::string_view username = "alice") {
    auto client = std::make_unique<TestClient>(node_, options_);
    client->log_in(resource, username);
    return client;
  }
  // A message to bob, so many bytes long.
  static std::string message(std::size_t bytes) {
    const std::string begin = "<message to='bob@example.org/b'><body>";
    const std::string end = "</body></message>";
    return begin + std::string(bytes - begin.size() - end.size(), 'x') + end;
  }

  ThreadPool pool_{1, "test"};
  test::TestNode node_{pool_, 1, {}};
  std::shared_ptr<C2sOptions> options_ = std::make_shared<C2sOptions>();
};

TEST_F(C2sLimitsTest, Shaper_DelaysWhatComesTooFastAndDropsNothing) {
  shape_alice({.rate = 1'000, .burst_size = 1'000});
  const auto alice = log_in("a");
  const auto bob = log_in("b", "bob");
  auto& delays = metrics::counter("starling_shaper_delays_total", "");
  const auto before = delays.value();
  alice->say(message(5'000));  // larger than the burst: handled, then paid back
  EXPECT_THAT(bob->take(), HasSubstr("</message>"));
  EXPECT_EQ(delays.value(), before + 1);
  alice->say(message(200));
  alice->say("<presence/>");
  node_.advance(3'900ms);
  EXPECT_EQ(bob->take(), "");
  node_.advance(200ms);
  EXPECT_THAT(bob->take(), HasSubstr("</message>"));
  EXPECT_THAT(alice->take(), HasSubstr("<presence"));
}

TEST_F(C2sLimitsTest, StanzaRate_Delays) {
  shape_alice({.stanza_rate = 1, .stanza_burst = 3});
  const auto alice = log_in("a");
  const auto bob = log_in("b", "bob");
  for (int i = 0; i < 5; ++i) alice->say(message(100));
  const auto count = [&] {
    const std::string all = bob->take();
    std::size_t found = 0;
    for (auto at = all.find("</message>"); at != std::string::npos;
         at = all.find("</message>", at + 1)) {
      ++found;
    }
    return found;
  };
  // What is over the burst goes on the account; only then it has to wait.
  EXPECT_EQ(count(), 4U);
  node_.advance(1'100ms);
  EXPECT_EQ(count(), 1U);
}

TEST_F(C2sLimitsTest, NobodyElse_IsDelayed) {
  shape_alice({.rate = 10});
  const auto alice = log_in("a");
  const auto bob = log_in("b", "bob");
  alice->say(message(1'000));
  bob->take();
  EXPECT_THAT(bob->say(message(100'000)), HasSubstr("</message>"));
  EXPECT_THAT(bob->say(message(1'000)), HasSubstr("</message>"));
  bob->say("<message to='alice@example.org/a' id='in'/>");
  EXPECT_THAT(alice->take(), HasSubstr("id='in'"));  // only what it sends waits
}

TEST_F(C2sLimitsTest, WhoIsNotReadForLong_IsNotTakenForDead) {
  shape_alice({.rate = 1});
  const auto alice = log_in("a");
  const auto bob = log_in("b", "bob");
  alice->say(message(1'000));
  bob->take();
  alice->say(message(100));
  std::string received;
  for (int i = 0; i < 100; ++i) {
    node_.advance(10s);
    received += bob->say(" ");
  }
  EXPECT_FALSE(alice->ended() || alice->dropped());
  EXPECT_THAT(received, HasSubstr("</message>"));
  constexpr config::PingOptions kPing;
  node_.advance(kPing.interval + kPing.ack_timeout + 200s);
  EXPECT_TRUE(alice->ended());
}

TEST_F(C2sLimitsTest, WhoLeavesWhileItWaits_LeavesNothingBehind) {
  shape_alice({.rate = 1});
  auto alice = log_in("a");
  alice->say(message(1'000));
  alice->on_loop([&] { alice->connection().peer_resets(); });
  EXPECT_EQ(node_.server().session_count(), 0);
  auto again = log_in("a");
  again->say(message(1'000));
  node_.loop().inside([&] {
    node_.server().worker(0).end_sessions("alice@example.org",
                                          xmpp::StreamCondition::not_authorized, "");
  });
  node_.settle();
  EXPECT_EQ(again->reader().stream_error(), "not-authorized");
  EXPECT_TRUE(again->ended());
  alice.reset();
  again.reset();
  node_.advance(2'000s);
}

TEST_F(C2sLimitsTest, BeforeLogIn_AShaperOfItsOwnApplies) {
  options_->shaper_before_auth =
      std::make_shared<config::Shaper>(config::Shaper{.rate = 100, .burst_size = 500});
  TestClient client(node_, options_);
  EXPECT_THAT(client.open(), HasSubstr("<stream:features>"));
  client.say(std::string(1'000, ' '));
  EXPECT_EQ(client.say(TestClient::sasl("auth", "", " mechanism='NONE'")), "");
  node_.advance(10s);
  EXPECT_THAT(client.take(), HasSubstr("<failure"));
}

TEST_F(C2sLimitsTest, ShaperBeforeLogIn_EndsWithIt) {
  options_->shaper_before_auth =
      std::make_shared<config::Shaper>(config::Shaper{.rate = 1, .burst_size = 4'000});
  const auto alice = log_in("a");
  const auto bob = log_in("b", "bob");
  for (int i = 0; i < 10; ++i) alice->say(message(1'000));
  EXPECT_THAT(bob->take(), HasSubstr("</message>"));
  bob->take();
  alice->say(message(1'000));
  EXPECT_THAT(bob->take(), HasSubstr("</message>"));
}

TEST_F(C2sLimitsTest, WhoNeverReads_IsDroppedAtTheLimitWhateverItSends) {
  options_->max_queued_bytes = 40'000;
  auto& dropped = metrics::counter("starling_slow_readers_dropped_total", "");
  const auto before = dropped.value();
  const auto alice = log_in("a");
  const auto bob = log_in("b", "bob");
  bob->on_loop([&] { bob->connection().peer_takes(0); });
  for (int i = 0; i < 100 && !bob->dropped(); ++i) alice->say(message(1'000));
  EXPECT_TRUE(bob->dropped());
  EXPECT_EQ(dropped.value(), before + 1);
  EXPECT_EQ(node_.server().session_count(), 1);
}

TEST_F(C2sLimitsTest, Reasons_DoNotLiftEachOther) {
  options_->shaper_before_auth =
      std::make_shared<config::Shaper>(config::Shaper{.rate = 100, .burst_size = 500});
  TestClient client(node_, options_);
  client.open();
  const std::string auth = TestClient::sasl("auth", "", " mechanism='NONE'");
  // While it is answered, nothing is read; when it has been, the shaper's debt is still there.
  EXPECT_THAT(client.say(auth + std::string(1'000, ' ')), HasSubstr("<failure"));
  EXPECT_EQ(client.say(auth), "");
  node_.advance(15s);
  EXPECT_THAT(client.take(), HasSubstr("<failure"));
}

TEST_F(C2sLimitsTest, Features_SayTheLimitsOfTheirPhase) {
  options_->limits_before_auth.max_stanza_bytes = 12'345;
  options_->limits.max_stanza_bytes = 67'890;
  TestClient client(node_, options_);
  EXPECT_THAT(client.open(),
              HasSubstr("<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>12345</max-bytes>"
                        "<idle-seconds>60</idle-seconds></limits></stream:features>"));
  client.scram({});
  EXPECT_THAT(client.open(),
              HasSubstr("<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>67890</max-bytes>"
                        "<idle-seconds>300</idle-seconds></limits></stream:features>"));
}

TEST_F(C2sLimitsTest, WhatHappens_IsCounted) {
  const auto value = [](const char* name, const metrics::Labels& labels) {
    return metrics::counter(name, "", labels).value();
  };
  const metrics::Labels in{{"kind", "message"}};
  const metrics::Labels out{{"kind", "message"}};
  const metrics::Labels success{{"mechanism", "SCRAM-SHA-1"}, {"result", "success"}};
  const metrics::Labels failure{{"mechanism", "unknown"}, {"result", "invalid-mechanism"}};
  const metrics::Labels parse{{"error", "restricted-xml"}};
  const metrics::Labels stream{{"condition", "restricted-xml"}};
  const auto all = [&] {
    return std::vector{value("starling_stanzas_received_total", in),
                       value("starling_stanzas_sent_total", out),
                       value("starling_authentications_total", success),
                       value("starling_authentications_total", failure),
                       value("starling_parse_errors_total", parse),
                       value("starling_stream_errors_total", stream)};
  };
  auto expected = all();
  const auto alice = log_in("a");
  alice->say("<message to='alice@example.org/a'/>");
  alice->say("<!-- no -->");
  TestClient guest(node_, options_);
  guest.open();
  guest.say(TestClient::sasl("auth", "", " mechanism='made-up-by-a-client'"));
  for (auto& one : expected) ++one;
  EXPECT_EQ(all(), expected);
}

TEST_F(C2sLimitsTest, OneStanzaIn16_IsMeasured) {
  const metrics::Histogram& routing = metrics::histogram("starling_routing_seconds", "");
  const metrics::Histogram& ack = metrics::histogram("starling_ack_seconds", "");
  const std::uint64_t routed = routing.value().count;
  const std::uint64_t dealt_with = ack.value().count;
  const auto alice = log_in("a");
  for (int i = 0; i < 160; ++i) alice->say("<message to='alice@example.org/a'/>");
  EXPECT_EQ(routing.value().count, routed + 10);
  EXPECT_EQ(ack.value().count, dealt_with + 10);
}

TEST_F(C2sLimitsTest, ErrorsThatStanzasAreAnsweredWith_AreCounted) {
  const auto& unknown =
      metrics::counter("starling_stanza_errors_total", "", {{"condition", "service-unavailable"}});
  const std::uint64_t before = unknown.value();
  const auto alice = log_in("a");
  alice->say("<iq type='get' id='1' to='example.org'><query xmlns='urn:example:unknown'/></iq>");
  EXPECT_EQ(unknown.value(), before + 1);
}

}  // namespace
}  // namespace starling::stream
