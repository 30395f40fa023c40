#include "core/login_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace starling::core {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;

class LoginGuardTest : public testing::Test {
 protected:
  LoginGuardTest() {
    access_.acls["friends"].addresses = {*config::IpRange::parse("198.51.100.0/24")};
    access_.acls["friends"].users = {*xmpp::Jid::parse("monitor@example.org")};
    guard_.set_options({.slow_after = 3,
                        .max_delay = seconds(10),
                        .max_failures_per_address = 6,
                        .max_failures_per_account = 9,
                        .window = seconds(600),
                        .ban_lifetime = seconds(3'600),
                        .access = "friends"});
  }
  LoginGuard::Attempt attempt(std::string_view address, const char* account) {
    account_ = account[0] == '\0' ? xmpp::Jid() : *xmpp::Jid::parse(account);
    return {address, account_, access_};
  }
  Duration fail(std::string_view address, const char* account = "alice@example.org") {
    return guard_.failed(attempt(address, account), now_);
  }
  void fail_times(int n, std::string_view address, const char* account = "alice@example.org") {
    for (int i = 0; i < n; ++i) static_cast<void>(fail(address, account));
  }
  void succeed(std::string_view address, const char* account = "alice@example.org") {
    guard_.succeeded(attempt(address, account));
  }
  bool refused(std::string_view address) { return guard_.refuses_address(address, now_); }
  bool locked(std::string_view address, const char* account = "alice@example.org") {
    return guard_.refuses_account(attempt(address, account), now_);
  }
  std::vector<std::string> banned() {
    std::vector<std::string> names;
    for (const auto& ban : guard_.list(now_)) names.push_back(ban.name);
    return names;
  }

  TimePoint now_{seconds(1'000)};
  config::Access access_;
  LoginGuard guard_;

 private:
  xmpp::Jid account_;
};

TEST_F(LoginGuardTest, Failures_AreAnsweredMoreAndMoreSlowly) {
  guard_.set_options({.slow_after = 3,
                      .max_delay = seconds(10),
                      .max_failures_per_address = 100,
                      .max_failures_per_account = 100,
                      .access = "none"});
  for (const int delay : {0, 0, 1, 2, 4, 8, 10, 10}) EXPECT_EQ(fail("192.0.2.1"), seconds(delay));
  // Neither another address for another account, nor what is old.
  EXPECT_EQ(fail("192.0.2.2", "bob@example.org"), seconds(0));
  now_ += seconds(600);
  EXPECT_EQ(fail("192.0.2.1"), seconds(0));
}

TEST_F(LoginGuardTest, Account_IsSlowedWhereverTheyGuessFrom) {
  for (const char* address : {"192.0.2.1", "192.0.2.2"}) EXPECT_EQ(fail(address), seconds(0));
  EXPECT_EQ(fail("192.0.2.3"), seconds(1));
  EXPECT_EQ(fail("192.0.2.3", "bob@example.org"), seconds(0));
}

TEST_F(LoginGuardTest, TooManyFromAnAddress_RefusedUntilTheBanEnds) {
  fail_times(5, "192.0.2.1");
  EXPECT_FALSE(refused("192.0.2.1"));
  fail_times(1, "192.0.2.1", "bob@example.org");
  EXPECT_TRUE(refused("192.0.2.1"));
  EXPECT_FALSE(refused("192.0.2.2"));
  now_ += seconds(3'599);
  EXPECT_TRUE(refused("192.0.2.1"));
  now_ += seconds(1);
  EXPECT_FALSE(refused("192.0.2.1"));
  fail_times(5, "192.0.2.1");  // it begins anew
  EXPECT_FALSE(refused("192.0.2.1"));
}

TEST_F(LoginGuardTest, SlidingWindow_OldFailuresDoNotCount) {
  for (int i = 0; i < 50; ++i) {
    fail_times(1, "192.0.2.1");
    now_ += seconds(120);  // five within any 600 s
  }
  EXPECT_FALSE(refused("192.0.2.1"));
}

TEST_F(LoginGuardTest, Ipv6_CountsByTheNetworkOfASubscriber) {
  for (const char* address : {"2001:db8::1", "2001:db8::2", "2001:db8::3:4:5:6"}) {
    fail_times(2, address);
  }
  EXPECT_TRUE(refused("2001:db8::77"));
  EXPECT_FALSE(refused("2001:db8:0:1::1"));
  EXPECT_THAT(banned(), ElementsAre("2001:db8::/64"));
}

TEST_F(LoginGuardTest, TooManyForAnAccount_LockedButForWhereItWasUsedBefore) {
  succeed("203.0.113.5");
  for (const char* address : {"192.0.2.1", "192.0.2.2", "192.0.2.3"}) fail_times(3, address);
  EXPECT_TRUE(locked("192.0.2.1"));
  EXPECT_TRUE(locked("192.0.2.200"));
  EXPECT_FALSE(locked("203.0.113.5"));
  EXPECT_TRUE(locked("203.0.113.6"));
  EXPECT_FALSE(locked("192.0.2.1", "bob@example.org"));
  EXPECT_FALSE(refused("192.0.2.1"));
  now_ += seconds(3'600);
  EXPECT_FALSE(locked("192.0.2.1"));
}

TEST_F(LoginGuardTest, Success_ClearsWhatThisAddressFailedForThisAccountOnly) {
  fail_times(4, "192.0.2.1");
  fail_times(1, "192.0.2.1", "bob@example.org");
  succeed("192.0.2.1");
  fail_times(4, "192.0.2.1");  // five, with bob's
  EXPECT_FALSE(refused("192.0.2.1"));
  succeed("192.0.2.1", "mallory@example.org");  // of no help
  fail_times(1, "192.0.2.1");
  EXPECT_TRUE(refused("192.0.2.1"));

  fail_times(4, "192.0.2.9", "bob@example.org");
  succeed("203.0.113.5", "bob@example.org");  // the owner, from elsewhere: of no help either
  fail_times(4, "192.0.2.8", "bob@example.org");
  EXPECT_TRUE(locked("192.0.2.7", "bob@example.org"));
}

TEST_F(LoginGuardTest, Registrations_CountAndAreNotCleared) {
  for (int i = 0; i < 6; ++i) {
    static_cast<void>(guard_.registered(attempt("192.0.2.1", "new@example.org"), now_));
    succeed("192.0.2.1", "new@example.org");
  }
  EXPECT_TRUE(refused("192.0.2.1"));
  EXPECT_FALSE(locked("192.0.2.2", "new@example.org"));
}

TEST_F(LoginGuardTest, Exempt_AreNeverRefused) {
  fail_times(50, "198.51.100.7");
  fail_times(50, "192.0.2.1", "monitor@example.org");
  EXPECT_FALSE(refused("198.51.100.7"));
  EXPECT_FALSE(refused("192.0.2.1"));
  EXPECT_THAT(banned(), ElementsAre());
  // The account is locked by others; they are let in all the same.
  for (const char* address : {"192.0.2.1", "192.0.2.2", "192.0.2.3"}) fail_times(3, address);
  EXPECT_FALSE(locked("198.51.100.7"));
}

TEST_F(LoginGuardTest, Unban_TakesAnAddressARangeOrAnAccount) {
  for (const char* address : {"192.0.2.1", "192.0.2.2", "203.0.113.5", "2001:db8::1"}) {
    fail_times(6, address, "");
  }
  for (const char* address : {"192.0.2.7", "192.0.2.8", "192.0.2.9"}) fail_times(3, address);
  EXPECT_THAT(banned(), ElementsAre("192.0.2.1", "192.0.2.2", "2001:db8::/64", "203.0.113.5",
                                    "alice@example.org"));
  EXPECT_EQ(*guard_.unban("203.0.113.5", now_), 1U);
  EXPECT_EQ(*guard_.unban("203.0.113.5", now_), 0U);
  EXPECT_EQ(*guard_.unban("192.0.2.0/24", now_), 2U);
  EXPECT_EQ(*guard_.unban("2001:db8::99", now_), 1U);
  EXPECT_EQ(*guard_.unban("alice@example.org", now_), 1U);
  EXPECT_THAT(banned(), ElementsAre());
  EXPECT_FALSE(refused("192.0.2.1"));
  EXPECT_FALSE(locked("192.0.2.1"));
  for (const char* bad : {"", "example.org", "a@example.org/x", "192.0.2.0/33", "@"}) {
    EXPECT_EQ(guard_.unban(bad, now_).error().code, Errc::invalid) << bad;
  }
}

TEST_F(LoginGuardTest, List_SaysWhatAndUntilWhen) {
  fail_times(6, "192.0.2.1", "");
  const auto bans = guard_.list(now_);
  ASSERT_EQ(bans.size(), 1U);
  EXPECT_EQ(bans[0].name, "192.0.2.1");
  EXPECT_FALSE(bans[0].is_account);
  EXPECT_EQ(bans[0].failures, 6U);
  EXPECT_EQ(bans[0].until_us - bans[0].since_us, 3'600'000'000);
  now_ += seconds(3'600);
  EXPECT_THAT(guard_.list(now_), testing::IsEmpty());
}

TEST_F(LoginGuardTest, NewOptions_HoldAtOnceAndLeaveBans) {
  fail_times(6, "192.0.2.1", "");
  fail_times(3, "192.0.2.2", "");
  guard_.set_options({.slow_after = 1, .max_failures_per_address = 4, .access = "none"});
  EXPECT_TRUE(refused("192.0.2.1"));
  fail_times(1, "192.0.2.2", "");
  EXPECT_TRUE(refused("192.0.2.2"));
}

TEST_F(LoginGuardTest, ManyAddresses_TheOldestAreForgotten) {
  fail_times(5, "192.0.2.1", "");
  const auto address = [](int i) {
    return "10." + std::to_string(i >> 16) + "." + std::to_string(i >> 8 & 255) + "." +
           std::to_string(i & 255);
  };
  for (int i = 0; i < 20'001; ++i) fail_times(1, address(i), "");
  fail_times(1, "192.0.2.1", "");
  EXPECT_FALSE(refused("192.0.2.1"));
  fail_times(5, address(20'000), "");
  EXPECT_TRUE(refused(address(20'000)));
}

}  // namespace
}  // namespace starling::core
