#include "core/authenticator.h"

#include "core/test_server.h"

namespace starling::core {
namespace {

using xmpp::sasl::ScramHash;

class AuthenticatorTest : public testing::Test {
 protected:
  AuthenticatorTest() {
    EXPECT_TRUE(server_.wait(auth().prepare()));
    EXPECT_TRUE(server_.wait(auth().create_account(juliet_, "r0m30myr0m30")));
  }
  Authenticator& auth() { return server_.server().authenticator(); }
  Authenticator::Keys keys(const xmpp::Jid& account, ScramHash hash) {
    auto found = server_.wait(auth().scram_keys(account, hash));
    EXPECT_TRUE(found);
    return *found;
  }
  bool check(const xmpp::Jid& account, std::string password) {
    const auto result = server_.wait(auth().check_password(account, std::move(password)));
    EXPECT_TRUE(result);
    return result.value_or(false);
  }

  TestServer server_;
  const xmpp::Jid juliet_ = jid("juliet@example.org");
  const xmpp::Jid nobody_ = jid("nobody@example.org");
};

TEST_F(AuthenticatorTest, KnownUser_HasKeysForEveryHash) {
  for (const ScramHash hash : xmpp::sasl::kScramHashes) {
    const auto found = keys(juliet_, hash);
    EXPECT_TRUE(found.known);
    EXPECT_EQ(found.keys.iterations, 10'000U);
    EXPECT_EQ(found.keys.salt.size(), 16U);
    EXPECT_TRUE(xmpp::sasl::verify_password(hash, found.keys, "r0m30myr0m30"));
    EXPECT_FALSE(xmpp::sasl::verify_password(hash, found.keys, "other"));
  }
}

TEST_F(AuthenticatorTest, UnknownUser_LooksLikeAKnownOne) {
  for (const ScramHash hash : xmpp::sasl::kScramHashes) {
    const auto first = keys(nobody_, hash);
    const auto again = keys(nobody_, hash);
    const auto real = keys(juliet_, hash);
    EXPECT_FALSE(first.known);
    EXPECT_EQ(first.keys.salt, again.keys.salt);
    EXPECT_EQ(first.keys.salt.size(), real.keys.salt.size());
    EXPECT_EQ(first.keys.iterations, real.keys.iterations);
    EXPECT_EQ(first.keys.stored_key.size(), real.keys.stored_key.size());
    EXPECT_EQ(first.keys.server_key.size(), real.keys.server_key.size());
    EXPECT_NE(first.keys.salt, keys(jid("noone@example.org"), hash).keys.salt);
    EXPECT_NE(first.keys.salt, keys(jid("nobody@example.net"), hash).keys.salt);
  }
  EXPECT_NE(keys(nobody_, ScramHash::sha1).keys.salt, keys(nobody_, ScramHash::sha256).keys.salt);
}

TEST_F(AuthenticatorTest, Secret_OutlivesTheProcess) {
  const auto before = keys(nobody_, ScramHash::sha256);
  ThreadPool pool(1, "test");
  Authenticator restarted(server_.store(), pool);
  ASSERT_TRUE(server_.wait(restarted.prepare()));
  const auto after = server_.wait(restarted.scram_keys(nobody_, ScramHash::sha256));
  ASSERT_TRUE(after);
  EXPECT_EQ(after->keys.salt, before.keys.salt);
}

TEST_F(AuthenticatorTest, Password_IsCheckedAsPrepared) {
  EXPECT_TRUE(check(juliet_, "r0m30myr0m30"));
  EXPECT_FALSE(check(juliet_, "R0m30myr0m30"));
  EXPECT_FALSE(check(juliet_, ""));
  EXPECT_FALSE(check(juliet_, "a\x01"));
  EXPECT_FALSE(check(nobody_, "r0m30myr0m30"));
  EXPECT_FALSE(check(nobody_, "x"));
  ASSERT_TRUE(server_.wait(auth().create_account(jid("u@example.org"), "a\u00A0b\u00ADc")));
  EXPECT_TRUE(check(jid("u@example.org"), "a bc"));  // SASLprep: one space, no soft hyphen
}

TEST_F(AuthenticatorTest, ChangedPassword_ReplacesTheOld) {
  ASSERT_TRUE(server_.wait(auth().change_password(juliet_, "new")));
  EXPECT_TRUE(check(juliet_, "new"));
  EXPECT_FALSE(check(juliet_, "r0m30myr0m30"));
}

TEST_F(AuthenticatorTest, Mistakes_HaveTheirErrors) {
  EXPECT_EQ(server_.wait(auth().create_account(juliet_, "x")).error().code, Errc::exists);
  EXPECT_EQ(server_.wait(auth().create_account(nobody_, "")).error().code, Errc::invalid);
  EXPECT_EQ(server_.wait(auth().change_password(nobody_, "x")).error().code, Errc::not_found);
  EXPECT_EQ(server_.wait(auth().change_password(juliet_, "\x07")).error().code, Errc::invalid);
  EXPECT_TRUE(check(juliet_, "r0m30myr0m30"));
}

TEST_F(AuthenticatorTest, StoreFailure_IsNeitherRightNorWrong) {
  server_.store().fail_call(1);
  EXPECT_EQ(server_.wait(auth().check_password(juliet_, "r0m30myr0m30")).error().code,
            Errc::unavailable);
  server_.store().fail_call(1);
  EXPECT_EQ(server_.wait(auth().scram_keys(nobody_, ScramHash::sha1)).error().code,
            Errc::unavailable);
}

}  // namespace
}  // namespace starling::core
