// Authentication (RFC 6120 section 6) as a client sees it: through a stream.
#include "stream/sasl_exchange.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "stream/test_client.h"

namespace starling::stream {
namespace {

using test::ScramAttempt;
using test::TestClient;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using xmpp::sasl::ScramHash;

const net::PretendedTls kTls{
    .info = {.version = "TLSv1.3"},
    .channel_bindings = {{"tls-exporter", "exported"}, {"tls-server-end-point", "hash"}}};
const net::PretendedTls kTlsWithoutBinding{.info = {.version = "TLSv1.2"}, .channel_bindings = {}};

std::string failure(std::string_view condition) {
  return "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><" + std::string(condition) +
         "/></failure>";
}

class SaslExchangeTest : public testing::Test {
 protected:
  SaslExchangeTest() {
    secure_->direct_tls = true;
    clear_->starttls_required = false;
  }
  std::unique_ptr<TestClient> connect_clear() {
    auto client = std::make_unique<TestClient>(node_, clear_);
    features_ = client->open();
    return client;
  }
  std::unique_ptr<TestClient> connect_secure(const net::PretendedTls& tls = kTls) {
    auto client = std::make_unique<TestClient>(node_, secure_);
    client->complete_tls(tls);
    features_ = client->open();
    return client;
  }
  [[nodiscard]] std::vector<std::string> offered() const {
    std::vector<std::string> names;
    for (auto at = features_.find("<mechanism>"); at != std::string::npos;
         at = features_.find("<mechanism>", at + 1)) {
      names.push_back(features_.substr(at + 11, features_.find('<', at + 1) - at - 11));
    }
    return names;
  }
  static std::string plain(TestClient& client, std::string_view message) {
    return client.say(TestClient::sasl("auth", message, " mechanism='PLAIN'"));
  }

  ThreadPool pool_{1, "test"};
  test::TestNode node_{pool_, 1, {}};
  std::shared_ptr<C2sOptions> secure_ = std::make_shared<C2sOptions>();
  std::shared_ptr<C2sOptions> clear_ = std::make_shared<C2sOptions>();
  std::string features_;
};

TEST_F(SaslExchangeTest, Offer_WithTls) {
  const auto client = connect_secure();
  EXPECT_THAT(offered(), ElementsAre("SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS",
                                     "SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"));
  EXPECT_THAT(features_, HasSubstr("<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>"
                                   "<channel-binding type='tls-exporter'/>"
                                   "<channel-binding type='tls-server-end-point'/>"));
}

TEST_F(SaslExchangeTest, Offer_WithTlsThatCannotBind) {
  const auto client = connect_secure(kTlsWithoutBinding);
  EXPECT_THAT(offered(), ElementsAre("SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"));
  EXPECT_THAT(features_, Not(HasSubstr("channel-binding")));
}

TEST_F(SaslExchangeTest, Offer_WithoutTls) {
  const auto client = connect_clear();
  EXPECT_THAT(offered(), ElementsAre("SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1"));
}

TEST_F(SaslExchangeTest, EveryScram_Succeeds) {
  for (const ScramHash hash : xmpp::sasl::kScramHashes) {
    EXPECT_THAT(connect_clear()->scram({.hash = hash}), StartsWith("<success"));
    EXPECT_THAT(connect_secure()->scram({.hash = hash}), StartsWith("<success"));
    EXPECT_THAT(
        connect_secure()->scram({.hash = hash, .flag = "p=tls-exporter", .binding = "exported"}),
        StartsWith("<success"));
    EXPECT_THAT(connect_secure()->scram(
                    {.hash = hash, .flag = "p=tls-server-end-point", .binding = "hash"}),
                StartsWith("<success"));
  }
}

TEST_F(SaslExchangeTest, WrongBinding_Fails) {
  const auto not_authorized = failure("not-authorized");
  // As if somebody in the middle held one TLS connection to each side.
  EXPECT_EQ(connect_secure()->scram({.flag = "p=tls-exporter", .binding = "another"}),
            not_authorized);
  EXPECT_EQ(connect_secure()->scram({.flag = "p=tls-exporter", .binding = "hash"}), not_authorized);
  EXPECT_EQ(connect_secure()->scram({.flag = "p=tls-unique", .binding = "exported"}),
            not_authorized);
}

TEST_F(SaslExchangeTest, ClientThatSawNoPlus_IsTheVictimOfADowngrade) {
  EXPECT_EQ(connect_secure()->scram({.flag = "y"}), failure("not-authorized"));
  // Where none is offered it is right.
  EXPECT_THAT(connect_clear()->scram({.flag = "y"}), StartsWith("<success"));
  EXPECT_THAT(connect_secure(kTlsWithoutBinding)->scram({.flag = "y"}), StartsWith("<success"));
}

TEST_F(SaslExchangeTest, ClientThatKnowsNoBindingOfOurs_MayFallBackOnceItHasTried) {
  const auto client = connect_secure();
  EXPECT_EQ(client->scram({.flag = "p=tls-unique"}), failure("not-authorized"));
  EXPECT_THAT(client->scram({.flag = "y"}), StartsWith("<success"));
}

TEST_F(SaslExchangeTest, PlusWithoutTls_IsNoMechanism) {
  EXPECT_EQ(connect_clear()->scram({.flag = "p=tls-exporter", .binding = "exported"}),
            failure("invalid-mechanism"));
}

TEST_F(SaslExchangeTest, WrongPassword_FailsAndMayBeTriedAgain) {
  const auto client = connect_clear();
  EXPECT_EQ(client->scram({.password = "pen"}), failure("not-authorized"));
  EXPECT_THAT(client->scram({}), StartsWith("<success"));
}

TEST_F(SaslExchangeTest, UnknownUser_CannotBeToldFromAWrongPassword) {
  const auto challenge = [](TestClient& client, const std::string& user) {
    return TestClient::content_of(client.say(
        TestClient::sasl("auth", "n,,n=" + user + ",r=client", " mechanism='SCRAM-SHA-256'")));
  };
  const auto salt = [](const std::string& text) {
    const auto begin = text.find(",s=");
    return text.substr(begin, text.find(',', begin + 1) - begin);
  };
  const auto client = connect_clear();
  const std::string first = challenge(*client, "nobody");
  EXPECT_THAT(first, StartsWith("r=client"));
  EXPECT_EQ(salt(first).size(), salt(challenge(*client, "alice")).size());
  EXPECT_EQ(salt(challenge(*client, "nobody")), salt(first));   // the same at every try
  EXPECT_NE(salt(challenge(*client, "nobody2")), salt(first));  // and each has its own
  EXPECT_EQ(connect_clear()->scram({.username = "nobody"}), failure("not-authorized"));
  EXPECT_EQ(plain(*connect_secure(), std::string("\0nobody\0pencil", 14)),
            failure("not-authorized"));
}

TEST_F(SaslExchangeTest, Authzid_OnlyOneselfIsAccepted) {
  EXPECT_THAT(connect_clear()->scram({.authzid = "alice@example.org"}), StartsWith("<success"));
  EXPECT_EQ(connect_clear()->scram({.authzid = "bob@example.org"}), failure("invalid-authzid"));
  EXPECT_EQ(connect_clear()->scram({.authzid = "not a jid@"}), failure("invalid-authzid"));
  EXPECT_THAT(plain(*connect_secure(), std::string("alice@example.org\0alice\0pencil", 30)),
              StartsWith("<success"));
  EXPECT_EQ(plain(*connect_secure(), std::string("bob@example.org\0alice\0pencil", 28)),
            failure("invalid-authzid"));
}

TEST_F(SaslExchangeTest, Plain_UnderTlsOnly) {
  const std::string good("\0alice\0pencil", 13);
  EXPECT_EQ(plain(*connect_clear(), good), failure("encryption-required"));
  EXPECT_EQ(plain(*connect_secure(), good), "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
  EXPECT_EQ(plain(*connect_secure(), std::string("\0alice\0wrong", 12)), failure("not-authorized"));
  EXPECT_EQ(plain(*connect_secure(), "alice pencil"), failure("malformed-request"));
}

TEST_F(SaslExchangeTest, InitialResponseLater_AndEmptyOne) {
  const auto client = connect_secure();
  EXPECT_EQ(client->say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>"),
            "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
  EXPECT_THAT(client->say(TestClient::sasl("response", std::string("\0alice\0pencil", 13))),
              StartsWith("<success"));
  EXPECT_EQ(connect_secure()->say(
                "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>=</auth>"),
            failure("malformed-request"));
}

TEST_F(SaslExchangeTest, ProtocolErrors_HaveTheirConditions) {
  const auto client = connect_clear();
  const auto element = [](std::string_view name, std::string_view text) {
    return "<" + std::string(name) +
           " xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>" +
           std::string(text) + "</" + std::string(name) + ">";
  };
  EXPECT_EQ(client->say(element("abort", "")), failure("aborted"));
  EXPECT_EQ(client->say(element("response", "")), failure("malformed-request"));
  EXPECT_EQ(client->say(element("auth", "no base64!")), failure("incorrect-encoding"));
  EXPECT_EQ(client->say(element("auth", "AAAA")), failure("malformed-request"));
  EXPECT_EQ(client->say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='X'/>"),
            failure("invalid-mechanism"));
  EXPECT_EQ(client->say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"),
            failure("invalid-mechanism"));
  // The exchange begun is over once it was aborted.
  client->say(TestClient::sasl("auth", "n,,n=alice,r=x", " mechanism='SCRAM-SHA-1'"));
  EXPECT_EQ(client->say(element("abort", "")), failure("aborted"));
  EXPECT_EQ(client->say(element("response", "AAAA")), failure("malformed-request"));
  EXPECT_THAT(client->scram({}), StartsWith("<success"));
}

TEST_F(SaslExchangeTest, Guesses_AreLimited) {
  const auto client = connect_clear();
  for (int i = 1; i < clear_->max_auth_failures; ++i) {
    EXPECT_EQ(client->scram({.password = "guess"}), failure("not-authorized"));
  }
  EXPECT_THAT(client->scram({.password = "guess"}),
              AllOf(StartsWith(failure("not-authorized")), HasSubstr("policy-violation")));
  EXPECT_TRUE(client->ended());
}

TEST_F(SaslExchangeTest, AttemptsThatNeverComeToAPassword_AreLimitedToo) {
  const auto client = connect_clear();
  int attempts = 0;
  while (!client->ended() && attempts < 1'000) {
    client->say("<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    ++attempts;
  }
  EXPECT_GT(attempts, 10);  // clients do try several mechanisms
  EXPECT_LE(attempts, 20);
  EXPECT_EQ(client->reader().stream_error(), "policy-violation");
}

TEST_F(SaslExchangeTest, Username_IsPreparedAndEscaped) {
  EXPECT_THAT(connect_clear()->scram({.username = "ALICE"}), StartsWith("<success"));
  EXPECT_EQ(connect_clear()->scram({.username = "a=2Cb"}), failure("not-authorized"));
  EXPECT_EQ(connect_clear()->scram({.username = "a@b"}), failure("not-authorized"));
  EXPECT_EQ(connect_clear()->scram({.username = "a=b"}), failure("malformed-request"));
}

}  // namespace
}  // namespace starling::stream
