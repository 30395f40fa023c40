// Pages of an archive cost the same however large it is: how SQLite finds what they ask for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "store/sqlite_db.h"
#include "store/sqlite_log_sql.h"
#include "store/sqlite_schema.h"
#include "store/test_support.h"

namespace starling::store::sqlite {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class SqliteLogPlans : public ::testing::Test {
 protected:
  // An empty database in memory.
  static Connection open() {
    Connection db = Connection::open(":memory:", {}).value();
    EXPECT_TRUE(migrate(db));
    return db;
  }
  // What SQLite would do, one line a step.
  std::string plan(const std::string& text) {
    Query steps(db_, "EXPLAIN QUERY PLAN " + text);
    std::string lines;
    while (steps.next()) lines += steps.text(3) + "\n";
    EXPECT_TRUE(steps.result());
    return lines;
  }
  // Alice's archive of `size` entries about two peers, in which detail "rare" comes once.
  void fill(int size) {
    ASSERT_TRUE(db_.exec("DELETE FROM log_entry"));
    ASSERT_TRUE(
        db_.exec("WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < ?1)"
                 " INSERT INTO log_entry SELECT 'alice@x', 'archive', id, 'bob@' || (id % 2),"
                 " iif(id = 5, 'rare', 'phone'), x'' FROM n",
                 size));
  }
  // Steps of SQLite's machine for a page of ten entries with ids above 3.
  int steps(const char* text, const char* peer, const char* detail) {
    std::size_t rows = 0;
    sqlite3_stmt* statement = nullptr;
    {
      Query page(db_, text, "alice@x", "archive", 3, 1'000'000, peer, detail, 10);
      while (page.next()) ++rows;
      statement = sqlite3_next_stmt(db_.handle(), nullptr);
      while (std::string_view(sqlite3_sql(statement)) != text) {
        statement = sqlite3_next_stmt(db_.handle(), statement);
      }
    }
    EXPECT_EQ(rows, *detail == '\0' ? 10u : 1u) << text;
    return sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 1);
  }

  Connection db_ = open();
};

TEST_F(SqliteLogPlans, EveryText_SearchesOneIndexAndSortsNothing) {
  for (const LogTexts& texts : {kLogOldest, kLogNewest, kLogCount, kLogTrim}) {
    for (std::size_t i = 0; i < texts.size(); ++i) {
      EXPECT_THAT(plan(texts[i]),
                  AllOf(HasSubstr(i == 0 ? "PRIMARY KEY (owner=? AND log=? AND id>? AND id<?)"
                                         : "log_entry_by_peer (owner=? AND log=? AND peer=?"
                                           " AND id>? AND id<?)"),
                        // What is counted is first cut off at the bound; no table is scanned.
                        Not(ContainsRegex("SCAN [^(]")), Not(HasSubstr("TEMP B-TREE"))))
          << texts[i];
    }
  }
}

TEST_F(SqliteLogPlans, Pages_CostTheSameInALargeLog) {
  for (const LogTexts& texts : {kLogOldest, kLogNewest}) {
    fill(100);
    const int by_id = steps(texts[0], "", "");
    const int by_peer = steps(texts[1], "bob@1", "");
    fill(20'000);
    EXPECT_EQ(steps(texts[0], "", ""), by_id) << texts[0];
    EXPECT_EQ(steps(texts[1], "bob@1", ""), by_peer) << texts[1];
  }
}

// It walks the index of the peer, but looks up only what is on the page.
TEST_F(SqliteLogPlans, PageByARareDetail_WalksTheIndexOnly) {
  fill(100);
  const int few = steps(kLogNewest[2], "bob@1", "rare");
  fill(20'000);
  const int per_entry = (steps(kLogNewest[2], "bob@1", "rare") - few) / 10'000;
  EXPECT_LE(per_entry, 5);
}

}  // namespace
}  // namespace starling::store::sqlite
