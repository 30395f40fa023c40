// What only a database that others use as well can be: unreachable, of another encoding, too new,
// migrated by several at once.
#include "store/postgres.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <future>
#include <thread>

#include "store/postgres_schema.h"
#include "store/test_postgres.h"
#include "store/test_support.h"

namespace starling::store {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Postgres : public ::testing::Test {
 protected:
  static std::unique_ptr<Store> open(const std::string& url) {
    auto store = open_postgres(url);
    if (!store) ADD_FAILURE() << store.error().message;
    return std::move(store).value();
  }
  static Error open_error(const std::string& url) {
    auto store = open_postgres(url);
    EXPECT_FALSE(store.has_value());
    return store ? Error{Errc::internal, "opened"} : store.error();
  }
  template <class T>
  T wait(Task<T> task) {
    return store::wait(loop_, std::move(task));
  }

  TestPostgres& server_ = TestPostgres::get();
  std::string url_ = server_.new_database();
  ManualLoop loop_;
};

TEST_F(Postgres, Reopened_HoldsEverything) {
  {
    auto store = open(url_);
    ASSERT_TRUE(wait(store->accounts().create({"alice", "example.org", 1, {{"A", "salt"}}})));
    ASSERT_TRUE(wait(store->maps().apply("alice@example.org", {{"roster", "bob", "1"}})));
  }
  auto store = open(url_);
  const auto alice = wait(store->accounts().find("example.org", "alice"));
  ASSERT_TRUE(alice);
  EXPECT_EQ(alice->credentials.at(0).salt, "salt");
  EXPECT_EQ(wait(store->maps().get("alice@example.org", "roster", "bob")).value(), "1");
}

// Its tables are known to be empty when the statements are planned, and grow while these plans are
// kept.
TEST_F(Postgres, NewDatabase_NoStatementReadsAWholeTable) {
  {
    auto store = open(url_);
    PostgresSession(url_).run("ANALYZE");
    for (int i = 0; i < 20; ++i) {
      const std::string name = "user" + std::to_string(i);
      const std::string owner = name + "@example.org";
      ASSERT_TRUE(wait(store->accounts().create({name, "example.org", 1, {{"A", "salt"}}})));
      ASSERT_TRUE(wait(store->accounts().find("example.org", name)));
      ASSERT_TRUE(wait(store->accounts().list("example.org", "user1", 5)));
      ASSERT_TRUE(wait(store->maps().apply(owner, {{"roster", "bob", "1"}})));
      ASSERT_TRUE(wait(store->maps().scan(owner, "roster")));
      ASSERT_TRUE(wait(store->maps().get(owner, "roster", "bob")));
      ASSERT_TRUE(wait(store->logs().append(owner, "archive", {1, "bob", "", "text"})));
      ASSERT_TRUE(wait(store->logs().read(owner, "archive", {}, 10, false)));
      ASSERT_TRUE(wait(store->maps().apply(owner, {{"roster", "bob", std::nullopt}})));
    }
  }
  PostgresSession session(url_);
  // A session that ends counts what it has done.
  while (session.value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                       " AND backend_type = 'client backend'") != "1") {
    std::this_thread::yield();
  }
  EXPECT_EQ(session.value("SELECT string_agg(relname || ' ' || seq_tup_read, ', ')"
                          " FROM pg_stat_user_tables WHERE schemaname = 'starling'"
                          " AND relname IN ('account', 'credential', 'map_entry', 'log_entry')"
                          " AND seq_tup_read > 0"),
            "");
}

TEST_F(Postgres, TwoNodes_SeeWhatTheOtherWasTold) {
  auto one = open(url_);
  auto other = open(url_);
  ASSERT_TRUE(wait(one->accounts().create({"alice", "example.org", 1})));
  EXPECT_TRUE(wait(other->accounts().find("example.org", "alice")));
  EXPECT_EQ(wait(other->accounts().create({"alice", "example.org", 1})).error().code, Errc::exists);
}

// Whichever was first, both find the same value afterwards.
TEST_F(Postgres, IfAbsentOnTwoNodes_OneValueCounts) {
  auto one = open(url_);
  auto other = open(url_);
  const auto claim = [](Store& store, const std::string& key, std::string value) {
    return store.maps().apply("", {{"claims", key, std::move(value), true}});
  };
  for (int i = 0; i < 20; ++i) {
    const std::string key = std::to_string(i);
    std::optional<Result<>> first;
    std::optional<Result<>> second;
    Gate gate;
    gate.spawn(collect(claim(*one, key, "one"), first));
    gate.spawn(collect(claim(*other, key, "other"), second));
    pump_until_empty(loop_, gate);
    EXPECT_TRUE(first->has_value() && second->has_value());
    const auto found = wait(one->maps().get("", "claims", key)).value();
    EXPECT_TRUE(found == "one" || found == "other");
    EXPECT_EQ(wait(other->maps().get("", "claims", key)).value(), found);
  }
}

// Credentials are the account's: whatever one node adds while another erases it is gone with it.
TEST_F(Postgres, EraseOnOneNode_NewCredentialsOnTheOther_LeaveNothing) {
  auto one = open(url_);
  auto other = open(url_);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(wait(one->accounts().create({"alice", "example.org", 1, {{"A", "s"}}})));
    std::optional<Result<>> set;
    std::optional<Result<>> erased;
    Gate gate;
    gate.spawn(collect(
        other->accounts().set_credentials("example.org", "alice", {{"B", "s"}, {"C", "s"}}), set));
    gate.spawn(collect(one->accounts().erase("example.org", "alice"), erased));
    pump_until_empty(loop_, gate);
    EXPECT_TRUE(erased->has_value());
    EXPECT_EQ(PostgresSession(url_).value("SELECT count(*) FROM starling.credential"), "0");
  }
}

TEST_F(Postgres, NobodyThere_Unavailable) {
  const auto error = open_error("host=/nonexistent-folder dbname=starling connect_timeout=2");
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_THAT(error.message, HasSubstr("/nonexistent-folder"));
}

TEST_F(Postgres, NoSuchUser_Denied) {
  const auto error = open_error("host=" + server_.folder() + " user=nobody dbname=postgres");
  EXPECT_EQ(error.code, Errc::denied);
  EXPECT_THAT(error.message, HasSubstr("nobody"));
}

TEST_F(Postgres, NoSuchDatabase_SaysWhich) {
  EXPECT_THAT(open_error(server_.url("missing")).message, HasSubstr("missing"));
}

TEST_F(Postgres, BadUrl_InvalidAndShowsNoPassword) {
  const auto error = open_error("postgresql://u:sesame@host/db?nonsense=1");
  EXPECT_EQ(error.code, Errc::invalid);
  EXPECT_THAT(error.message, Not(HasSubstr("sesame")));
}

TEST_F(Postgres, AnotherEncoding_Invalid) {
  const auto url = server_.new_database("ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'");
  const auto error = open_error(url);
  EXPECT_EQ(error.code, Errc::invalid);
  EXPECT_THAT(error.message, HasSubstr("SQL_ASCII"));
}

TEST_F(Postgres, ManyNodesStartTogether_EachMigrationRunsOnce) {
  constexpr int kNodes = 8;
  std::vector<std::future<bool>> opened;
  for (int i = 0; i < kNodes; ++i) {
    opened.push_back(std::async(std::launch::async, [&] { return open(url_) != nullptr; }));
  }
  for (auto& one : opened) EXPECT_TRUE(one.get());
  EXPECT_EQ(PostgresSession(url_).value("SELECT count(*) FROM starling.migration"),
            std::to_string(postgres::migrations().size()));
}

// A newer node has migrated: this one works on, unless it was said that it cannot.
TEST_F(Postgres, NewerSchema_UsableUnlessItSaysOtherwise) {
  open(url_);
  const std::string next = std::to_string(postgres::migrations().size() + 1);
  PostgresSession session(url_);
  session.run("INSERT INTO starling.migration VALUES (" + next + ", false)");
  EXPECT_NE(open(url_), nullptr);
  session.run("UPDATE starling.migration SET ends_compatibility = true WHERE version = " + next);
  const auto error = open_error(url_);
  EXPECT_EQ(error.code, Errc::invalid);
  EXPECT_THAT(error.message, HasSubstr("newer Starling"));
}

// A step that fails leaves the database as it was.
TEST_F(Postgres, MigrationFails_NothingOfItIsThere) {
  auto connection = postgres::Connection::open(url_).value();
  const auto steps = std::to_array<postgres::Migration>(
      {{"CREATE TABLE one (a integer)"}, {"CREATE TABLE two (a integer); SELECT 1/0"}});
  EXPECT_FALSE(postgres::migrate(connection, steps));
  PostgresSession session(url_);
  EXPECT_EQ(session.value("SELECT max(version) FROM starling.migration"), "1");
  EXPECT_EQ(session.value("SELECT to_regclass('starling.two') IS NULL"), "t");
}

// What other programs keep in the same database is not touched, whatever it is named.
TEST_F(Postgres, OthersTables_StayTheirs) {
  PostgresSession session(url_);
  session.run("CREATE TABLE account (id integer); INSERT INTO account VALUES (7)");
  auto store = open(url_);
  ASSERT_TRUE(wait(store->accounts().create({"alice", "example.org", 1})));
  EXPECT_EQ(session.value("SELECT id FROM public.account"), "7");
}

}  // namespace
}  // namespace starling::store
