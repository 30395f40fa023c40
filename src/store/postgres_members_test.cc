// What only a database's members can be: cut off from it, waiting behind what others do to it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "store/postgres.h"
#include "store/test_broken_line.h"
#include "store/test_postgres.h"
#include "store/test_support.h"

namespace starling::store {
namespace {

class PostgresMembers : public ::testing::Test {
 protected:
  template <class T>
  T wait(Task<T> task) {
    return store::wait(loop_, std::move(task));
  }
  static MemberFacts facts(const std::string& name, MemberState state = MemberState::joining) {
    return {state, "10.0.1.7:6222", name, "1.2.3", 1};
  }
  static Task<Result<>> put(Store& store, std::string key) {
    return store.maps().apply("alice@example.org", {{"map", std::move(key), "value"}});
  }

  TestPostgres& server_ = TestPostgres::get();
  std::string url_ = server_.new_database();
  ManualLoop loop_;
};

// There are many of them, and each commit that notifies takes a lock of the whole server.
TEST_F(PostgresMembers, PlainRenewal_NotifiesNobody) {
  auto store = open_postgres(url_).value();
  PostgresSession listener(url_);
  listener.run("LISTEN starling_node");
  Members& members = *store->members();
  const std::uint64_t epoch = wait(members.join(facts("one")))->epoch;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(wait(members.renew(epoch, facts("one"))));
  ASSERT_TRUE(wait(members.renew(epoch, facts("one", MemberState::up))));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(wait(members.renew(epoch, facts("one", MemberState::up))));
  }
  ASSERT_TRUE(wait(members.remove_dead(epoch + 1, {})));
  ASSERT_TRUE(wait(members.leave(epoch + 1)));
  ASSERT_TRUE(wait(members.leave(epoch)));
  // They come in the order of their commits.
  PostgresSession(url_).run("NOTIFY starling_node, 'over'");
  EXPECT_EQ(listener.notifications_until("over"), 3U);  // joined, up, left
}

TEST_F(PostgresMembers, Renewal_WaitsForNoOtherCalls) {
  auto store = open_postgres(url_).value();
  Members& members = *store->members();
  const std::uint64_t epoch = wait(members.join(facts("one")))->epoch;
  PostgresSession lock(url_);
  lock.run("BEGIN; LOCK TABLE starling.map_entry, starling.log_entry IN ACCESS EXCLUSIVE MODE");
  std::vector<std::optional<Result<>>> written(100);
  std::vector<std::optional<Result<std::optional<std::string>>>> read(100);
  Gate gate;
  for (auto& one : written) gate.spawn(collect(put(*store, "key"), one));
  for (auto& one : read) {
    gate.spawn(collect(store->maps().get("alice@example.org", "map", "key"), one));
  }
  EXPECT_TRUE(wait(members.renew(epoch, facts("one"))));
  // Not even to be connected again.
  EXPECT_EQ(PostgresSession(url_).value(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE query LIKE '%starling.node%' AND pid <> pg_backend_pid()"),
            "1");
  EXPECT_TRUE(wait(members.renew(epoch, facts("one"))));
  EXPECT_EQ(gate.count(), written.size() + read.size());
  lock.run("COMMIT");
  pump_until_empty(loop_, gate);
}

// Long before other calls do: whoever cannot renew must soon know it.
TEST_F(PostgresMembers, Unreachable_RenewalFailsSoon) {
  auto store = open_postgres(url_).value();
  Members& members = *store->members();
  const std::uint64_t epoch = wait(members.join(facts("one")))->epoch;
  ASSERT_TRUE(wait(put(*store, "before")));
  server_.stop();
  std::optional<Result<>> written;
  Gate gate;
  gate.spawn(collect(put(*store, "meanwhile"), written));
  EXPECT_EQ(wait(members.renew(epoch, facts("one"))).error().code, Errc::unavailable);
  EXPECT_FALSE(written.has_value());
  server_.start();
  pump_until_empty(loop_, gate);
  EXPECT_TRUE(written->has_value());
  EXPECT_TRUE(wait(members.renew(epoch, facts("one"))));
}

// The same if it is there, but does not answer.
TEST_F(PostgresMembers, NoAnswer_RenewalFailsSoon) {
  auto store = open_postgres(url_).value();
  Members& members = *store->members();
  const std::uint64_t epoch = wait(members.join(facts("one")))->epoch;
  PostgresSession lock(url_);
  lock.run("BEGIN; LOCK TABLE starling.node, starling.map_entry IN ACCESS EXCLUSIVE MODE");
  std::optional<Result<>> written;
  Gate gate;
  gate.spawn(collect(put(*store, "meanwhile"), written));
  EXPECT_EQ(wait(members.renew(epoch, facts("one"))).error().code, Errc::unavailable);
  EXPECT_FALSE(written.has_value());
  lock.run("COMMIT");
  pump_until_empty(loop_, gate);
  EXPECT_TRUE(written->has_value());
  EXPECT_TRUE(wait(members.renew(epoch, facts("one"))));
}

// Nothing takes effect twice, and what is told to be so is so; wherever the connection breaks.
TEST_F(PostgresMembers, ConnectionBreaksAtAnyByte_OneNodeIsOneRow) {
  BrokenLine line(server_.folder());
  const std::string database = url_.substr(url_.rfind('=') + 1);
  PostgresOptions options;
  options.readers = 1;
  auto store =
      open_postgres("host=" + line.host() + " user=postgres dbname=" + database, options).value();
  ASSERT_TRUE(wait(put(*store, "connected")));
  ASSERT_TRUE(wait(store->maps().get("alice@example.org", "map", "connected")));
  Members& members = *store->members();
  PostgresSession witness(url_);
  std::uint64_t last_epoch = 0;
  const auto round = [&](const std::string& name) {
    const std::string rows =
        "SELECT coalesce(string_agg(state, ','), '') FROM starling.node WHERE name = '" + name +
        "'";
    const auto joined = wait(members.join(facts(name)));
    ASSERT_TRUE(joined) << joined.error().message;
    EXPECT_EQ(witness.value(rows), "joining");
    EXPECT_GT(joined->epoch, last_epoch);
    last_epoch = joined->epoch;
    const auto renewed = wait(members.renew(joined->epoch, facts(name, MemberState::up)));
    ASSERT_TRUE(renewed) << renewed.error().message;
    EXPECT_EQ(witness.value(rows), "up");
    // It cannot be made twice: then it may fail and yet have happened.
    const auto removed = wait(members.remove_dead(joined->epoch, {}));
    if (removed) {
      EXPECT_TRUE(*removed);
      EXPECT_EQ(witness.value(rows), "");
    } else {
      EXPECT_EQ(removed.error().code, Errc::unavailable);
    }
    EXPECT_TRUE(wait(members.leave(joined->epoch)));
    EXPECT_EQ(witness.value(rows), "");
  };
  int number = 1;
  round("node1");
  bool broke = true;
  for (std::int64_t bytes = 1; broke && !HasFailure(); bytes += bytes < 40 ? 3 : 83) {
    line.break_after(bytes);
    round("node" + std::to_string(++number));
    broke = line.broken();
    if (bytes > 8'000) break;  // connecting again takes its share of them
  }
  EXPECT_GT(number, 20);
}

}  // namespace
}  // namespace starling::store
