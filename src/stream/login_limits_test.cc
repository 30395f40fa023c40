// Log-ins that fail, as clients see it: answered slowly, then refused (core/login_guard.h); and
// accounts that are banned (core/account_ban.h).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/account_ban.h"
#include "stream/test_client.h"

namespace starling::stream {
namespace {

using std::chrono::seconds;
using test::ScramAttempt;
using test::TestClient;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

std::string failure(std::string_view condition) {
  return "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><" + std::string(condition) +
         "/></failure>";
}

class LoginLimits : public testing::TestWithParam<std::size_t> {
 protected:
  LoginLimits() {
    options_->starttls_required = false;
    options_->max_auth_failures = 100;
    set_limits({.slow_after = 0, .max_failures_per_address = 6, .max_failures_per_account = 9});
  }
  static config::HostOptions host_options() {
    config::HostOptions options;
    options.registration.enabled = true;
    return options;
  }
  void set_limits(config::Fail2banOptions limits) {
    node_.server().login_guard().set_options(std::move(limits));
  }
  std::unique_ptr<TestClient> connect(const std::string& address = "192.0.2.1") {
    return std::make_unique<TestClient>(node_, options_, 0, address);
  }
  static std::string guess(TestClient& client, const std::string& username = "alice") {
    ScramAttempt attempt;
    attempt.username = username;
    attempt.password = "wrong";
    return client.scram(attempt);
  }
  static std::string log_in(TestClient& client, const std::string& username = "alice") {
    ScramAttempt attempt;
    attempt.username = username;
    return client.scram(attempt);
  }
  static std::string request_for(const std::string& username) {
    return "<iq type='set' id='r'><query xmlns='jabber:iq:register'><username>" + username +
           "</username><password>R0m30</password></query></iq>";
  }
  void guess_from(const std::string& address, int times) {
    const auto client = connect(address);
    client->open();
    for (int i = 0; i < times; ++i) guess(*client);
  }
  template <class T>
  T wait(Task<T> task) {
    std::optional<T> result;
    const auto collect = [](Task<T> inner, std::optional<T>* out) -> Task<void> {
      out->emplace(co_await std::move(inner));
    };
    node_.loop().inside(
        [&] { node_.server().worker(0).gate().spawn(collect(std::move(task), &result)); });
    node_.settle();
    return std::move(*result);
  }

  ThreadPool pool_{1, "test"};
  test::TestNode node_{pool_, GetParam(), {}, host_options()};
  std::shared_ptr<C2sOptions> options_ = std::make_shared<C2sOptions>();
};
INSTANTIATE_TEST_SUITE_P(Workers, LoginLimits, testing::Values(1, 3));

TEST_P(LoginLimits, Slowed_TheAnswerWaitsAndSoDoesWhatIsSentMeanwhile) {
  set_limits({.slow_after = 2, .max_delay = seconds(10)});
  node_.add_account("bob");
  const auto client = connect();
  client->open();
  EXPECT_EQ(guess(*client), failure("not-authorized"));
  EXPECT_THAT(guess(*client), IsEmpty());
  EXPECT_THAT(client->say(TestClient::sasl("auth", "", " mechanism='SCRAM-SHA-1'")), IsEmpty());
  // Nobody else waits, not even from there.
  const auto other = connect();
  other->open();
  EXPECT_THAT(log_in(*other, "bob"), StartsWith("<success"));
  node_.advance(std::chrono::milliseconds(999));
  EXPECT_THAT(client->take(), IsEmpty());
  node_.advance(std::chrono::milliseconds(1));
  EXPECT_EQ(client->take(),
            failure("not-authorized") + "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
}

TEST_P(LoginLimits, SlowedAndGone_NothingIsLeft) {
  set_limits({.slow_after = 1, .max_delay = seconds(10)});
  auto client = connect();
  client->open();
  EXPECT_THAT(guess(*client), IsEmpty());
  client.reset();
  node_.advance(seconds(10));
}

TEST_P(LoginLimits, BannedAddress_StreamEndsAndNewOnesAreRefusedAtOnce) {
  const auto open_before = connect();
  open_before->open();
  const auto client = connect();
  client->open();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(guess(*client), failure("not-authorized"));
  EXPECT_THAT(guess(*client), HasSubstr("<policy-violation"));
  EXPECT_TRUE(client->ended());

  // One that was open, even with the right password.
  EXPECT_THAT(log_in(*open_before), HasSubstr("<policy-violation"));
  // A new one is told before it says anything.
  const auto late = connect();
  const std::string told = late->take();
  EXPECT_THAT(told, StartsWith("<?xml version='1.0'?><stream:stream "));
  EXPECT_THAT(told, HasSubstr("<policy-violation"));
  EXPECT_THAT(told, HasSubstr("too many failed log-ins from this address"));
  EXPECT_TRUE(late->ended());
  const auto elsewhere = connect("192.0.2.2");
  elsewhere->open();
  EXPECT_THAT(log_in(*elsewhere), StartsWith("<success"));

  ASSERT_TRUE(node_.server().login_guard().unban("192.0.2.1", node_.loop().now()));
  const auto lifted = connect();
  lifted->open();
  EXPECT_THAT(log_in(*lifted), StartsWith("<success"));
}

TEST_P(LoginLimits, BannedAddress_DirectTlsIsClosedWithoutAWord) {
  guess_from("192.0.2.1", 6);
  auto direct = std::make_shared<C2sOptions>();
  direct->direct_tls = true;
  TestClient client(node_, direct, 0, "192.0.2.1");
  EXPECT_TRUE(client.ended());
  EXPECT_THAT(client.take(), IsEmpty());
}

TEST_P(LoginLimits, LockedAccount_FailsForNowButForWhereItWasUsedBefore) {
  const auto home = connect("203.0.113.5");
  home->open();
  EXPECT_THAT(log_in(*home), StartsWith("<success"));
  for (const char* address : {"192.0.2.1", "192.0.2.2", "192.0.2.3"}) guess_from(address, 3);
  const auto stranger = connect("192.0.2.4");
  stranger->open();
  // Right or wrong, the answer is the same.
  EXPECT_EQ(log_in(*stranger), failure("temporary-auth-failure"));
  EXPECT_EQ(guess(*stranger), failure("temporary-auth-failure"));
  const auto owner = connect("203.0.113.5");
  owner->open();
  EXPECT_EQ(guess(*owner), failure("not-authorized"));
  EXPECT_THAT(log_in(*owner), StartsWith("<success"));
}

TEST_P(LoginLimits, UnknownUsers_CountLikeOthers) {
  for (const char* address : {"192.0.2.1", "192.0.2.2", "192.0.2.3"}) {
    const auto client = connect(address);
    client->open();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(guess(*client, "nobody"), failure("not-authorized"));
  }
  const auto client = connect("192.0.2.4");
  client->open();
  EXPECT_EQ(guess(*client, "nobody"), failure("temporary-auth-failure"));
}

TEST_P(LoginLimits, Registrations_Count) {
  set_limits({.slow_after = 3, .max_delay = seconds(10), .max_failures_per_address = 4});
  const auto client = connect();
  client->open();
  const auto make = [&](const std::string& username) { return client->say(request_for(username)); };
  for (int i = 0; i < 2; ++i) EXPECT_THAT(make("alice"), HasSubstr("<conflict"));
  EXPECT_THAT(make("alice"), IsEmpty());
  node_.advance(seconds(1));
  EXPECT_THAT(client->take(), HasSubstr("<conflict"));
  EXPECT_THAT(make("dora"), IsEmpty());
  node_.advance(seconds(2));
  EXPECT_THAT(client->take(), HasSubstr("<policy-violation"));
}

TEST_P(LoginLimits, RegistrationsOfManyStreamsAtOnce_CountAtOnce) {
  set_limits({.slow_after = 0, .max_failures_per_address = 4});
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 10; ++i) clients.emplace_back(connect())->open();
  for (std::size_t i = 0; i < clients.size(); ++i) {
    node_.loop().inside(
        [&] { clients[i]->connection().peer_sends(request_for("dora" + std::to_string(i))); });
  }
  node_.settle();
  int made = 0;
  for (const auto& client : clients) made += client->take().contains("type='result'") ? 1 : 0;
  EXPECT_EQ(made, 4);
}

TEST_P(LoginLimits, BannedAccount_IsToldAfterTheRightPasswordOnly) {
  ASSERT_TRUE(wait(core::ban_account(node_.server(), *xmpp::Jid::parse("alice@example.org"), "spam",
                                     "admin@example.org")));
  const auto client = connect();
  client->open();
  EXPECT_EQ(guess(*client), failure("not-authorized"));
  EXPECT_EQ(log_in(*client), failure("account-disabled"));
  ASSERT_TRUE(wait(core::unban_account(node_.server(), *xmpp::Jid::parse("alice@example.org"))));
  EXPECT_THAT(log_in(*client), StartsWith("<success"));
}

TEST_P(LoginLimits, BannedBetweenLogInAndBinding_IsNotBound) {
  TestClient client(node_, options_);
  client.open();
  EXPECT_THAT(log_in(client), StartsWith("<success"));
  client.open();
  ASSERT_TRUE(
      wait(core::ban_account(node_.server(), *xmpp::Jid::parse("alice@example.org"), "", "")));
  EXPECT_THAT(client.bind("x"), HasSubstr("<policy-violation"));
  EXPECT_TRUE(client.ended());
}

TEST_P(LoginLimits, BannedWhileBound_TheSessionEndsWithTheReason) {
  TestClient client(node_, options_);
  client.log_in("x");
  ASSERT_TRUE(
      wait(core::ban_account(node_.server(), *xmpp::Jid::parse("alice@example.org"), "spam", "")));
  const std::string told = client.take();
  EXPECT_THAT(told, HasSubstr("<policy-violation"));
  EXPECT_THAT(told, HasSubstr("spam"));
  EXPECT_TRUE(client.ended());
}

}  // namespace
}  // namespace starling::stream
