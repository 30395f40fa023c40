// Accounts made before authentication (XEP-0077), and what becomes of streams whose account is
// removed before they bind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "core/account_removal.h"
#include "core/directory.h"
#include "stream/test_client.h"

namespace starling::stream {
namespace {

using test::TestClient;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kFeature = "<register xmlns='http://jabber.org/features/iq-register'/>";

class Registration : public testing::TestWithParam<std::size_t> {
 protected:
  Registration() {
    options_->tls = std::make_shared<net::TlsContext>(net::TlsContext::Table{});
    clear_->starttls_required = false;
  }
  static config::HostOptions allowed() {
    config::HostOptions options;
    options.registration.enabled = true;
    return options;
  }
  static std::string set(const std::string& content) {
    return "<iq type='set' id='r'><query xmlns='jabber:iq:register'>" + content + "</query></iq>";
  }
  static std::string set(const std::string& username, const std::string& password) {
    return set("<username>" + username + "</username><password>" + password + "</password>");
  }

  ThreadPool pool_{1, "test"};
  test::TestNode node_{pool_, GetParam(), {}, allowed()};
  std::shared_ptr<C2sOptions> options_ = std::make_shared<C2sOptions>();  // as by default
  std::shared_ptr<C2sOptions> clear_ = std::make_shared<C2sOptions>();    // TLS is not asked for
};
INSTANTIATE_TEST_SUITE_P(Workers, Registration, testing::Values(1, 3));

TEST_P(Registration, NewAccount_LogsInOnTheSameStream) {
  TestClient client(node_, clear_);
  EXPECT_THAT(client.open(), HasSubstr(kFeature));
  EXPECT_EQ(client.say("<iq type='get' id='g'><query xmlns='jabber:iq:register'/></iq>"),
            "<iq type='result' id='g' from='example.org'><query xmlns='jabber:iq:register'>"
            "<instructions>Choose a username and a password for this server.</instructions>"
            "<username/><password/></query></iq>");
  EXPECT_EQ(client.say(set("Dora", "R0m30")), "<iq type='result' id='r' from='example.org'/>");
  test::ScramAttempt attempt;
  attempt.username = "dora";
  attempt.password = "R0m30";
  EXPECT_THAT(client.scram(attempt), HasSubstr("<success"));
  EXPECT_THAT(client.open(), Not(HasSubstr(kFeature)));
  EXPECT_THAT(client.bind("x"), HasSubstr("dora@example.org/x"));
}

// Section 3.1 and its table of errors.
TEST_P(Registration, Mistakes_MakeNoAccount) {
  const std::pair<std::string, const char*> mistakes[] = {
      {set("alice", "x"), "conflict"},
      {set("a b", "x"), "not-acceptable"},
      {set("", "x"), "not-acceptable"},
      {set("dora", ""), "not-acceptable"},
      {set("<username>dora</username>"), "not-acceptable"},
      {set("<password>x</password>"), "not-acceptable"},
      {set("<remove/>"), "not-acceptable"},
      {"<iq type='result' id='r'><query xmlns='jabber:iq:register'/></iq>", ""},
      {"<iq type='get'><query xmlns='jabber:iq:register'/></iq>", "bad-request"},
  };
  for (const auto& [iq, condition] : mistakes) {
    TestClient client(node_, clear_);
    client.open();
    const std::string answer = client.say(iq);
    if (*condition == '\0') {
      EXPECT_EQ(answer, "") << iq;
    } else {
      EXPECT_THAT(answer, HasSubstr("<" + std::string(condition) + " ")) << iq;
    }
    EXPECT_FALSE(client.ended()) << iq;
  }
}

TEST_P(Registration, OneStream_MakesOneAccount) {
  TestClient client(node_, clear_);
  client.open();
  client.say(set("dora", "R0m30"));
  EXPECT_THAT(client.say(set("eve", "R0m30")), HasSubstr("<not-acceptable "));
  TestClient guesser(node_, clear_);
  guesser.open();
  for (int i = 0; i < 5; ++i) EXPECT_THAT(guesser.say(set("alice", "x")), HasSubstr("<conflict "));
  EXPECT_THAT(guesser.say(set("fay", "x")), HasSubstr("<not-acceptable "));
}

TEST_P(Registration, PlainTextWhereTlsIsRequired_IsRefused) {
  TestClient client(node_, options_);
  EXPECT_THAT(client.open(), Not(HasSubstr(kFeature)));
  client.say(set("dora", "R0m30"));
  EXPECT_EQ(client.reader().stream_error(), "not-authorized");
}

TEST(RegistrationByDefault, IsNeitherOfferedNorDone) {
  ThreadPool pool(1, "test");
  test::TestNode node(pool, 1, {});
  auto clear = std::make_shared<C2sOptions>();
  clear->starttls_required = false;
  TestClient client(node, clear);
  EXPECT_THAT(client.open(), Not(HasSubstr(kFeature)));
  client.say("<iq type='get' id='g'><query xmlns='jabber:iq:register'/></iq>");
  EXPECT_EQ(client.reader().stream_error(), "not-authorized");
}

Task<void> remove(core::Server* server, Result<>* result) {
  auto account = *xmpp::Jid::parse("alice@example.org");
  *result = co_await core::remove_account(*server, std::move(account));
}

// Authenticated before the removal, bound after it.
TEST_P(Registration, StreamOfARemovedAccount_CannotBind) {
  TestClient client(node_, clear_);
  client.open();
  client.scram({});
  client.open();
  Result<> result;
  node_.loop().inside(
      [&] { node_.server().worker(0).gate().spawn(remove(&node_.server(), &result)); });
  node_.settle();
  EXPECT_TRUE(result);
  client.bind("late");
  EXPECT_EQ(client.reader().stream_error(), "not-authorized");
  EXPECT_EQ(node_.server().session_count(), 0);

  // Whoever makes the account anew is somebody else, and may.
  node_.add_account("alice");
  TestClient fresh(node_, clear_);
  fresh.log_in("x");
  EXPECT_TRUE(fresh.reader().bound());
}

}  // namespace
}  // namespace starling::stream
