#include "core/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "core/archive.h"
#include "core/test_server.h"

namespace starling::core {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr auto kDay = std::chrono::hours(24);

class RetentionTest : public testing::Test {
 protected:
  void start(std::uint32_t days, std::uint32_t messages) {
    config::HostOptions options;
    options.archive.expire_after_days = days;
    options.archive.max_messages = messages;
    server_.emplace(2, std::span<const Module* const>(), std::move(options));
    retention_.emplace(server_->server().worker(0));
    server_->loop(0).inside([this] { retention_->start(); });
  }
  // Time goes on, and everything that is due happens.
  void pass(Duration time) {
    server_->loop(0).advance(time);
    server_->settle();
  }
  // The first walk over a handful of accounts on two hosts.
  void pass_first_walk() {
    pass(Retention::kFirstAfter);
    pass(Retention::kStepEvery);
  }
  // An entry that is so old.
  void put(const std::string& owner, std::chrono::seconds age, const std::string& value,
           std::string_view log = kArchiveLog) {
    const std::int64_t us = std::chrono::microseconds(age).count();
    store::LogEntry entry{archive_id_at(now_us_ - us) + ++last_, "bob@example.org", "", value};
    ASSERT_TRUE(
        server_->wait(server_->store().logs().append(owner, std::string(log), std::move(entry))));
  }
  std::vector<std::string> left(const std::string& owner, std::string_view log = kArchiveLog) {
    return server_->archive_of(owner, log);
  }

  const std::int64_t now_us_ = wall_clock_us();
  ArchiveId last_ = 0;
  std::optional<TestServer> server_;
  std::optional<Retention> retention_;
};

TEST_F(RetentionTest, OldMessages_GoInEveryArchive) {
  start(30, 0);
  server_->create_account(jid("dora@example.net"));
  for (const char* owner : {"alice@example.org", "bob@example.org", "dora@example.net"}) {
    put(owner, 31 * kDay, "old");
    put(owner, 29 * kDay, "new");
  }
  put("alice@example.org", 31 * kDay, "old", kTransientLog);
  put("alice@example.org", 29 * kDay, "new", kTransientLog);
  pass(Retention::kFirstAfter - std::chrono::seconds(1));
  EXPECT_THAT(left("alice@example.org"), ElementsAre("old", "new")) << "not while it starts";
  pass_first_walk();
  for (const char* owner : {"alice@example.org", "bob@example.org", "dora@example.net"}) {
    EXPECT_THAT(left(owner), ElementsAre("new"));
  }
  EXPECT_THAT(left("alice@example.org", kTransientLog), ElementsAre("new"));
}

TEST_F(RetentionTest, TooManyMessages_TheOldestGo) {
  start(0, 3);
  for (int i = 1; i <= 5; ++i) put("alice@example.org", 1'000 * kDay, std::to_string(i));
  for (int i = 1; i <= 3; ++i) put("bob@example.org", 1'000 * kDay, std::to_string(i));
  pass_first_walk();
  EXPECT_THAT(left("alice@example.org"), ElementsAre("3", "4", "5"));
  EXPECT_THAT(left("bob@example.org"), ElementsAre("1", "2", "3"));
}

TEST_F(RetentionTest, LargeSurplus_GoesWhole) {
  start(30, 2);
  for (int i = 0; i < 350; ++i) put("alice@example.org", 31 * kDay, "old");
  for (int i = 0; i < 350; ++i) put("alice@example.org", kDay, std::to_string(i));
  pass_first_walk();
  EXPECT_THAT(left("alice@example.org"), ElementsAre("348", "349"));
}

TEST_F(RetentionTest, NoLimits_NothingGoes) {
  start(0, 0);
  put("alice@example.org", 10'000 * kDay, "old");
  pass_first_walk();
  pass(Retention::kEvery);
  pass(Retention::kStepEvery);
  EXPECT_THAT(left("alice@example.org"), SizeIs(1));
}

TEST_F(RetentionTest, EveryDay_Again) {
  start(30, 0);
  pass_first_walk();
  put("alice@example.org", 31 * kDay, "old");
  pass(Retention::kEvery - std::chrono::seconds(10));
  EXPECT_THAT(left("alice@example.org"), SizeIs(1));
  pass(std::chrono::seconds(10));
  pass(Retention::kStepEvery);  // her host is the second
  EXPECT_THAT(left("alice@example.org"), IsEmpty());
}

TEST_F(RetentionTest, ManyAccounts_SomeOfThemASecond) {
  start(30, 0);
  const auto owner = [](int i) { return "user" + std::to_string(1'000 + i) + "@example.net"; };
  constexpr int kUsers = 2 * Retention::kAccountsPerStep;
  for (int i = 0; i < kUsers; ++i) {
    server_->create_account(jid(owner(i)));
    put(owner(i), 31 * kDay, "old");
  }
  const auto trimmed = [&] {
    int count = 0;
    for (int i = 0; i < kUsers; ++i) count += left(owner(i)).empty() ? 1 : 0;
    return count;
  };
  pass(Retention::kFirstAfter);
  EXPECT_GT(trimmed(), 0);
  EXPECT_LE(trimmed(), int{Retention::kAccountsPerStep});
  pass(Retention::kStepEvery);
  pass(Retention::kStepEvery);
  EXPECT_EQ(trimmed(), kUsers);
}

TEST_F(RetentionTest, StoreFailure_IsTriedAgain) {
  start(30, 0);
  put("alice@example.org", 31 * kDay, "old");
  server_->store().fail_call(1);
  pass(Retention::kFirstAfter);
  EXPECT_THAT(left("alice@example.org"), SizeIs(1));
  server_->store().fail_call(2);  // alice's own
  pass_first_walk();
  EXPECT_THAT(left("alice@example.org"), SizeIs(1));
  pass(Retention::kEvery);
  EXPECT_THAT(left("alice@example.org"), IsEmpty());
}

// A node that stops does not wait for a long walk.
// What was under way is not begun anew: a large server's walk takes hours.
TEST_F(RetentionTest, Restarted_GoesOnWhereItWas) {
  start(30, 0);
  const auto owner = [](int i) { return "user" + std::to_string(1'000 + i) + "@example.net"; };
  for (int i = 0; i < 2 * static_cast<int>(Retention::kAccountsPerStep); ++i) {
    server_->create_account(jid(owner(i)));
  }
  pass(Retention::kFirstAfter);
  put(owner(0), 31 * kDay, "old");  // the walk is past it
  put(owner(99), 31 * kDay, "old");
  bool ended = false;
  server_->loop(0).inside([&] { retention_->lease_ends([&] { ended = true; }); });
  server_->settle();
  ASSERT_TRUE(ended);
  pass(kDay);
  EXPECT_THAT(left(owner(99)), SizeIs(1)) << "nobody does it";

  retention_.emplace(server_->server().worker(0));
  server_->loop(0).inside([this] { retention_->start(); });
  pass_first_walk();
  EXPECT_THAT(left(owner(99)), IsEmpty());
  EXPECT_THAT(left(owner(0)), SizeIs(1)) << "on the next walk";
}

TEST_F(RetentionTest, RestartedAfterAWalk_WaitsForTheNextDay) {
  start(30, 0);
  pass_first_walk();
  put("alice@example.org", 31 * kDay, "old");
  server_->loop(0).inside([&] { retention_->lease_ends([] {}); });
  server_->settle();
  retention_.emplace(server_->server().worker(0));
  server_->loop(0).inside([this] { retention_->start(); });
  pass_first_walk();
  EXPECT_THAT(left("alice@example.org"), SizeIs(1));
  pass(Retention::kEvery);
  pass(Retention::kStepEvery);
  EXPECT_THAT(left("alice@example.org"), IsEmpty());
}

TEST_F(RetentionTest, ClosedGate_EndsTheWalk) {
  start(30, 0);
  for (int i = 0; i < 350; ++i) put("alice@example.org", 31 * kDay, "old");
  server_->store().hold();
  pass(Retention::kFirstAfter);
  server_->store().release_newest();  // the accounts
  server_->settle();
  bool closed = false;
  server_->server().worker(0).gate().close([&closed] { closed = true; });
  server_->store().release();
  server_->settle();
  EXPECT_TRUE(closed);
  EXPECT_GT(left("alice@example.org").size(), 100U);
}

}  // namespace
}  // namespace starling::core
