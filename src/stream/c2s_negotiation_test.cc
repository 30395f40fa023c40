// From the first byte to a bound resource (RFC 6120 sections 4 to 7), and every stream error on
// the way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "core/directory.h"
#include "stream/test_client.h"

namespace starling::stream {
namespace {

using namespace std::chrono_literals;
using test::TestClient;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const net::PretendedTls kTls{.info = {.version = "TLSv1.3"},
                             .channel_bindings = {{"tls-exporter", "exported"}}};
constexpr std::string_view kStartTls = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

class C2sNegotiation : public testing::Test {
 protected:
  C2sNegotiation() {
    options_->tls = std::make_shared<net::TlsContext>(net::TlsContext::Table{});
    clear_->starttls_required = false;
  }
  std::unique_ptr<TestClient> connect(const std::shared_ptr<C2sOptions>& options) {
    return std::make_unique<TestClient>(node_, options);
  }
  // What the server says to `text` as the first bytes on a connection without TLS.
  std::unique_ptr<TestClient> say_first(std::string_view text) {
    auto client = connect(clear_);
    answer_ = client->say(text);
    return client;
  }
  // A stream that ended by this error, in good order.
  static void expect_error(const TestClient& client, std::string_view condition) {
    EXPECT_EQ(client.reader().stream_error(), condition);
    EXPECT_TRUE(client.reader().closed());
    EXPECT_FALSE(client.reader().broken());
    EXPECT_TRUE(client.ended());
  }

  ThreadPool pool_{1, "test"};
  test::TestNode node_{pool_, 1, {}};
  std::shared_ptr<C2sOptions> options_ = std::make_shared<C2sOptions>();  // as by default
  std::shared_ptr<C2sOptions> clear_ = std::make_shared<C2sOptions>();    // TLS is not asked for
  std::string answer_;
};

TEST_F(C2sNegotiation, WholeLogIn_WithStartTls) {
  const auto client = connect(options_);
  std::string answer = client->open();
  EXPECT_THAT(answer, StartsWith("<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
                                 "xmlns:stream='http://etherx.jabber.org/streams' version='1.0'"));
  EXPECT_THAT(answer, HasSubstr(" from='example.org'"));
  EXPECT_THAT(answer, EndsWith("<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'>"
                               "<required/></starttls><limits xmlns='urn:xmpp:stream-limits:0'>"
                               "<max-bytes>16384</max-bytes><idle-seconds>60</idle-seconds>"
                               "</limits></stream:features>"));

  EXPECT_EQ(client->say(kStartTls), "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
  client->complete_tls(kTls);
  answer = client->open();
  EXPECT_THAT(answer, AllOf(HasSubstr("<mechanism>SCRAM-SHA-256-PLUS</mechanism>"),
                            HasSubstr("<mechanism>PLAIN</mechanism>"), Not(HasSubstr("starttls")),
                            Not(HasSubstr("xmpp-bind"))));

  EXPECT_THAT(client->scram({.flag = "p=tls-exporter", .binding = "exported"}),
              StartsWith("<success"));
  answer = client->open();
  EXPECT_THAT(answer, AllOf(HasSubstr("<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"),
                            Not(HasSubstr("mechanism"))));
  EXPECT_EQ(client->bind("balcony"),
            "<iq type='result' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
            "<jid>alice@example.org/balcony</jid></bind></iq>");
  EXPECT_EQ(node_.server().session_count(), 1);
  EXPECT_EQ(client->reader().opened(), 3);
  EXPECT_FALSE(client->reader().broken());
}

TEST_F(C2sNegotiation, EveryStream_HasAnIdOfItsOwn) {
  const auto id = [](const std::string& answer) {
    const auto begin = answer.find(" id='") + 5;
    return answer.substr(begin, answer.find('\'', begin) - begin);
  };
  const auto client = connect(clear_);
  const std::string first = id(client->open());
  client->scram({});
  const std::string second = id(client->open());
  EXPECT_GE(first.size(), 20U);
  EXPECT_NE(first, second);
}

TEST_F(C2sNegotiation, FromInTheHeader_ComesBackAsTo) {
  const auto client = say_first(
      "<stream:stream to='example.org' from='&apos;&lt;a@example.org' version='1.0' "
      "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>");
  EXPECT_THAT(answer_, HasSubstr(" to='&apos;&lt;a@example.org'"));
  EXPECT_FALSE(client->reader().broken());
}

TEST_F(C2sNegotiation, BytesOneByOne_GiveTheSame) {
  const auto client = connect(clear_);
  for (const char byte : TestClient::header()) client->say({&byte, 1});
  EXPECT_EQ(client->reader().opened(), 1);
  EXPECT_FALSE(client->reader().closed());
}

TEST_F(C2sNegotiation, HeaderErrors_AreSaidInsideAStreamOfOurs) {
  const std::string stream = " xmlns:stream='http://etherx.jabber.org/streams'";
  const std::string good = " xmlns='jabber:client'" + stream;
  const struct {
    std::string text;
    std::string_view condition;
  } cases[] = {
      {"<stream:stream to='example.org' version='1.0' xmlns='jabber:client' xmlns:stream='other'>",
       "invalid-namespace"},
      {"<stream:features to='example.org' version='1.0'" + good + ">", "invalid-namespace"},
      {"<stream:stream to='example.org' version='1.0' xmlns='jabber:server'" + stream + ">",
       "invalid-namespace"},
      {"<stream:stream to='example.org' version='1.0'" + stream + ">", "invalid-namespace"},
      {"<stream:stream to='elsewhere.example' version='1.0'" + good + ">", "host-unknown"},
      {"<stream:stream version='1.0'" + good + ">", "host-unknown"},
      {"<stream:stream to='a b' version='1.0'" + good + ">", "host-unknown"},
      {"<stream:stream to='example.org'" + good + ">", "unsupported-version"},
      {"<stream:stream to='example.org' version='0.9'" + good + ">", "unsupported-version"},
      {"<stream:stream to='example.org' version='1'" + good + ">", "unsupported-version"},
      {"<stream:stream to='example.org' version='00.1'" + good + ">", "unsupported-version"},
      {"<?xml version='1.0' encoding='latin1'?>", "unsupported-encoding"},
      {"<?xml version='1.0'?><!DOCTYPE stream>", "restricted-xml"},
      {"<?php ?>", "restricted-xml"},
      {"<stream:stream to='example.org'>", "bad-namespace-prefix"},
      {"no XML at all", "not-well-formed"},
      {"<stream:stream to='example.org'" + good + " to='again'>", "not-well-formed"},
      {"<stream:stream to='" + std::string(20'000, 'x'), "policy-violation"},
  };
  for (const auto& [text, condition] : cases) {
    const auto client = say_first(text);
    SCOPED_TRACE(text.substr(0, 120));
    expect_error(*client, condition);
    EXPECT_EQ(client->reader().opened(), 1);
    EXPECT_EQ(client->say("<stream:stream>"), "");  // nothing is heard any more
  }
}

TEST_F(C2sNegotiation, LaterVersion_IsAnsweredWithOurs) {
  for (const std::string version : {"1.1", "2.0", "01.0", "10.12"}) {
    const auto client =
        say_first("<stream:stream to='example.org' version='" + version +
                  "' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>");
    EXPECT_THAT(answer_, HasSubstr(" version='1.0'")) << version;
    EXPECT_THAT(answer_, HasSubstr("<stream:features>")) << version;
  }
}

TEST_F(C2sNegotiation, AnotherHostAfterTheRestart_IsHostUnknown) {
  const auto client = connect(clear_);
  client->open();
  client->scram({});
  client->say(TestClient::header("other.example"));
  expect_error(*client, "host-unknown");
}

TEST_F(C2sNegotiation, StreamClosedAtOnce_IsAnsweredAtOnce) {
  const auto client = say_first(TestClient::header() + "</stream:stream>");
  EXPECT_THAT(answer_, EndsWith("</stream:features></stream:stream>"));
  EXPECT_EQ(client->reader().stream_error(), "");
  EXPECT_TRUE(client->ended());
}

TEST_F(C2sNegotiation, StanzaBeforeAuthentication_IsNotAuthorized) {
  const auto client = connect(clear_);
  client->open();
  client->say("<message to='alice@example.org'><body>spam</body></message>");
  expect_error(*client, "not-authorized");
}

TEST_F(C2sNegotiation, SaslBeforeRequiredTls_IsNotAuthorized) {
  const auto client = connect(options_);
  client->open();
  client->scram({});
  expect_error(*client, "not-authorized");
}

TEST_F(C2sNegotiation, UnknownElementOfSasl_IsUnsupported) {
  const auto client = connect(clear_);
  client->open();
  client->say("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
  expect_error(*client, "unsupported-stanza-type");
}

TEST_F(C2sNegotiation, DataBehindStartTls_IsTakenForAnInjection) {
  const auto client = connect(options_);
  client->open();
  client->say(std::string(kStartTls) + TestClient::header());
  expect_error(*client, "policy-violation");
  EXPECT_FALSE(client->connection().tls_started());
}

TEST_F(C2sNegotiation, StartTlsWhereNoneIsOffered_Fails) {
  const auto without = connect(clear_);  // there is no TLS at all
  without->open();
  EXPECT_EQ(without->say(kStartTls),
            "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>");
  EXPECT_TRUE(without->ended());

  const auto twice = connect(options_);
  twice->open();
  twice->say(kStartTls);
  twice->complete_tls(kTls);
  twice->open();
  EXPECT_EQ(twice->say(kStartTls),
            "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>");
}

TEST_F(C2sNegotiation, DirectTls_OffersNoStartTls) {
  options_->direct_tls = true;
  const auto client = connect(options_);
  client->complete_tls(kTls);
  EXPECT_THAT(client->open(), AllOf(HasSubstr("PLAIN"), Not(HasSubstr("starttls"))));
}

TEST_F(C2sNegotiation, HandshakeThatNeverEnds_IsDroppedWithoutAWord) {
  options_->direct_tls = true;
  const auto client = connect(options_);
  node_.advance(options_->negotiation_timeout + 10s);
  EXPECT_EQ(client->take(), "");
  EXPECT_TRUE(client->ended());
}

TEST_F(C2sNegotiation, OtherStanzaInPlaceOfBind_IsNotAuthorized) {
  for (const std::string_view stanza :
       {"<presence/>", "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>",
        "<iq type='get' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"}) {
    const auto client = connect(clear_);
    client->open();
    client->scram({});
    client->open();
    client->say(stanza);
    expect_error(*client, "not-authorized");
  }
}

TEST_F(C2sNegotiation, BindWithoutResource_GetsOneMadeUp) {
  const auto client = connect(clear_);
  client->open();
  client->scram({});
  client->open();
  const std::string answer =
      client->say("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
  EXPECT_THAT(answer, testing::ContainsRegex("<jid>alice@example.org/[a-z2-7]{12}</jid>"));
}

TEST_F(C2sNegotiation, BadBindRequests_AreRefusedAndMayBeMended) {
  const auto client = connect(clear_);
  client->open();
  client->scram({});
  client->open();
  EXPECT_THAT(client->bind(std::string(1'024, 'x')), HasSubstr("<bad-request"));
  EXPECT_THAT(client->say("<iq type='set'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"),
              HasSubstr("<bad-request"));
  EXPECT_THAT(client->bind("good"), HasSubstr("alice@example.org/good"));
}

TEST_F(C2sNegotiation, SameResourceAgain_TheNewcomerWins) {
  const auto first = connect(clear_);
  first->log_in("phone");
  const auto second = connect(clear_);
  EXPECT_THAT(second->log_in("phone"), HasSubstr("alice@example.org/phone"));
  expect_error(*first, "conflict");
  EXPECT_EQ(node_.server().session_count(), 1);
  EXPECT_FALSE(second->ended());
}

TEST_F(C2sNegotiation, EverythingPipelinedBehindAuth_IsWorkedOffInOrder) {
  const auto client = connect(clear_);
  // PLAIN is checked by another thread; what follows must wait for it, and be understood then.
  options_->direct_tls = true;
  const auto secure = connect(options_);
  secure->complete_tls(kTls);
  const std::string answer = secure->say(
      TestClient::header() +
      TestClient::sasl("auth", std::string("\0alice\0pencil", 13), " mechanism='PLAIN'") +
      TestClient::header() +
      "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
      "<resource>fast</resource></bind></iq><message id='m' to='alice@example.org/fast'/>");
  EXPECT_THAT(answer, HasSubstr("<jid>alice@example.org/fast</jid>"));
  EXPECT_THAT(answer, testing::ContainsRegex("</iq><message.*id='m'"));
  EXPECT_EQ(secure->reader().opened(), 2);
  EXPECT_FALSE(secure->reader().broken());
}

TEST_F(C2sNegotiation, ClientLeavesWhileItsPasswordIsChecked_IsHarmless) {
  options_->direct_tls = true;
  auto client = connect(options_);
  client->complete_tls(kTls);
  client->open();
  node_.loop().inside([&] {
    client->connection().peer_sends(
        TestClient::sasl("auth", std::string("\0alice\0pencil", 13), " mechanism='PLAIN'"));
    client->connection().peer_resets();
  });
  node_.settle();
  EXPECT_EQ(client->take().find("success"), std::string::npos);
  EXPECT_EQ(node_.server().session_count(), 0);
}

TEST_F(C2sNegotiation, HalfAnElementForever_EndsAtTheTimeout) {
  const auto client = connect(clear_);
  client->open();
  client->say("<auth xmlns='urn:ietf");
  node_.advance(options_->negotiation_timeout - 5s);
  EXPECT_FALSE(client->ended());
  client->say(":params");  // a byte now and then does not help
  node_.advance(15s);
  expect_error(*client, "connection-timeout");
}

TEST_F(C2sNegotiation, LimitsBeforeAuthentication_AreTight) {
  const auto client = connect(clear_);
  client->open();
  client->say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" +
              std::string(20'000, 'A'));
  expect_error(*client, "policy-violation");
}

TEST_F(C2sNegotiation, WhileShuttingDown_NewcomersAreTurnedAway) {
  const auto before = connect(clear_);
  bool done = false;
  node_.loop().inside([&] { node_.service().shut_down([&] { done = true; }); });
  node_.settle();
  expect_error(*before, "system-shutdown");
  EXPECT_FALSE(done);
  before->on_loop([&] { before->connection().peer_closes(); });
  EXPECT_TRUE(done);
  const auto after = connect(clear_);
  expect_error(*after, "system-shutdown");
}

}  // namespace
}  // namespace starling::stream
