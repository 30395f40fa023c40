#include "core/account_ban.h"

#include "core/test_server.h"

namespace starling::core {
namespace {

using testing::ElementsAre;

class AccountBanTest : public ServerTest {
 protected:
  Result<std::size_t> ban(std::string_view account, std::string reason = "spam") {
    return server_.wait(
        ban_account(server_.server(), jid(account), std::move(reason), "admin@example.org"));
  }
  Result<bool> unban(std::string_view account) {
    return server_.wait(unban_account(server_.server(), jid(account)));
  }
  std::optional<AccountBan> details(std::string_view account) {
    return *server_.wait(ban_of(server_.store(), jid(account)));
  }
};

TEST_P(AccountBanTest, Ban_IsStoredAndEndsTheSessionsOfThisAccountOnly) {
  TestClient& phone = server_.online("alice@example.org/phone");
  TestClient& laptop = server_.online("alice@example.org/laptop");
  TestClient& bob = server_.online("bob@example.org/phone");
  const auto ended = ban("alice@example.org");
  ASSERT_TRUE(ended);
  EXPECT_EQ(*ended, 2U);
  EXPECT_EQ(phone.ended(), xmpp::StreamCondition::policy_violation);
  EXPECT_EQ(laptop.ended(), xmpp::StreamCondition::policy_violation);
  EXPECT_TRUE(bob.connected());
  const auto found = details("alice@example.org");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->reason, "spam");
  EXPECT_EQ(found->by, "admin@example.org");
  EXPECT_GT(found->since_us, 0);
  EXPECT_FALSE(details("bob@example.org"));
}

TEST_P(AccountBanTest, Banned_CannotBindUntilUnbanned) {
  ASSERT_TRUE(ban("alice@example.org"));
  EXPECT_FALSE(server_.connect("alice@example.org/phone").connected());
  server_.restart();
  EXPECT_FALSE(server_.connect("alice@example.org/phone").connected());
  EXPECT_TRUE(*unban("alice@example.org"));
  EXPECT_TRUE(server_.connect("alice@example.org/phone").connected());
  EXPECT_FALSE(*unban("alice@example.org"));
}

TEST_P(AccountBanTest, BindUnderWay_IsEndedByTheBan) {
  server_.store().hold();
  TestClient& phone = server_.connect("alice@example.org/phone");
  std::optional<Result<std::size_t>> banned;
  Gate gate;
  const auto wait = [](Server* server, std::optional<Result<std::size_t>>* out) -> Task<void> {
    out->emplace(co_await ban_account(*server, jid("alice@example.org"), "", ""));
  };
  server_.loop(0).inside([&] { gate.spawn(wait(&server_.server(), &banned)); });
  server_.settle();
  server_.store().release();
  server_.settle();
  ASSERT_TRUE(banned && *banned);
  EXPECT_EQ(**banned, 1U);
  EXPECT_TRUE(phone.ended());
}

TEST_P(AccountBanTest, UnknownAccount_IsNotFoundAndLeavesNothing) {
  EXPECT_EQ(ban("nobody@example.org").error().code, Errc::not_found);
  EXPECT_EQ(unban("nobody@example.org").error().code, Errc::not_found);
  EXPECT_FALSE(details("nobody@example.org"));
}

TEST_P(AccountBanTest, StoreTrouble_IsUnavailableAndTheSessionsGoOn) {
  TestClient& phone = server_.online("alice@example.org/phone");
  for (int n = 1; n <= 2; ++n) {
    server_.store().fail_call(n);
    EXPECT_EQ(ban("alice@example.org").error().code, Errc::unavailable);
    EXPECT_TRUE(phone.connected());
    EXPECT_FALSE(details("alice@example.org"));
  }
}

TEST_P(AccountBanTest, MessagesToIt_AreKept) {
  ASSERT_TRUE(ban("alice@example.org"));
  TestClient& bob = server_.online("bob@example.org/phone");
  bob.send("<message to='alice@example.org' type='chat'><body>hi</body></message>");
  EXPECT_THAT(bob.take(), ElementsAre());
  EXPECT_EQ(server_.archive_of("alice@example.org").size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(Workers, AccountBanTest, testing::Values(1, 3));

}  // namespace
}  // namespace starling::core
