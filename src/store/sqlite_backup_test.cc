// Backups of a database that is written to, and putting one in the place of another.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "store/sqlite.h"
#include "store/sqlite_copy.h"
#include "store/sqlite_db.h"
#include "store/sqlite_restore.h"
#include "store/test_support.h"

namespace starling::store {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class SqliteBackup : public ::testing::Test {
 protected:
  template <class T>
  T wait(Task<T> task) {
    return store::wait(loop_, std::move(task));
  }
  std::unique_ptr<Store> open(const std::string& path) {
    auto store = open_sqlite(path);
    if (!store) ADD_FAILURE() << store.error().message;
    return std::move(store).value();
  }
  void create(Store& store, const std::string& username) {
    ASSERT_TRUE(wait(store.accounts().create({username, "example.org", 1, {{"A", "salt"}}})));
  }
  void append(Store& store, std::uint64_t id, std::size_t bytes = 500) {
    LogEntry entry{id, "bob@example.org", "phone", std::string(bytes, 'x')};
    ASSERT_TRUE(wait(store.logs().append("alice@example.org", "archive", std::move(entry))));
  }
  std::vector<std::string> accounts(const std::string& path) {
    return wait(open(path)->accounts().list("example.org", "", 100)).value();
  }
  // A database with one account, backed up, and then one more account.
  void make_backup() {
    auto store = open(path_);
    create(*store, "alice");
    append(*store, 1);
    ASSERT_TRUE(wait(store->backup(backup_)));
    create(*store, "bob");
  }
  std::vector<std::string> files() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "")) {
      names.push_back(entry.path().filename());
    }
    return names;
  }
  static void write(const std::string& path, std::size_t offset, const std::string& bytes) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(offset));
    file << bytes;
  }

  TemporaryFolder folder_;
  std::string path_ = folder_ / "starling.db";
  std::string backup_ = folder_ / "backup.db";
  ManualLoop loop_;
};

TEST_F(SqliteBackup, Made_IsOneFileOfItsUserAndHoldsEverything) {
  auto store = open(path_);
  create(*store, "alice");
  append(*store, 1);
  append(*store, 2);
  std::vector<Change> changes = {{"map", "key", "value"}};
  ASSERT_TRUE(wait(store->maps().apply("alice@example.org", std::move(changes))));
  const auto made = wait(store->backup(backup_));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->accounts, 1u);
  EXPECT_EQ(made->map_entries, 1u);
  EXPECT_EQ(made->log_entries, 2u);
  EXPECT_EQ(made->bytes, std::filesystem::file_size(backup_));
  struct stat status{};
  ASSERT_EQ(::stat(backup_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  store.reset();
  EXPECT_THAT(files(), UnorderedElementsAre("starling.db", "starling.db.lock", "backup.db"));
  auto copy = open(backup_);
  EXPECT_TRUE(wait(copy->accounts().find("example.org", "alice")));
  EXPECT_EQ(wait(copy->logs().count("alice@example.org", "archive", {})), 2u);
}

TEST_F(SqliteBackup, WhileOthersWrite_IsOfOneMomentAndNobodyWaits) {
  auto store = open(path_);
  for (std::uint64_t id = 1; id <= 40; ++id) append(*store, id, 100'000);  // several parts
  auto source = sqlite::Connection::open(path_, {}).value();
  std::uint64_t last = 40;
  const auto meanwhile = [&] {
    append(*store, ++last);  // would time out, were the writer held up
    return true;
  };
  const auto made = sqlite::copy_database(source, backup_, meanwhile);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_GT(last, 42u);
  EXPECT_EQ(made->log_entries, 40u);
  EXPECT_EQ(wait(store->logs().count("alice@example.org", "archive", {})), last);
}

TEST_F(SqliteBackup, FileIsThere_RefusedAndUntouched) {
  auto store = open(path_);
  std::ofstream(backup_) << "precious";
  const auto refused = wait(store->backup(backup_));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::exists);
  EXPECT_THAT(refused.error().message, HasSubstr(backup_));
  EXPECT_EQ(wait(store->backup(path_)).error().code, Errc::exists);
  EXPECT_EQ(std::filesystem::file_size(backup_), 8u);
}

TEST_F(SqliteBackup, CannotBeMade_SaysWhyAndLeavesNothing) {
  auto store = open(path_);
  const auto refused = wait(store->backup(folder_ / "absent/backup.db"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unavailable);
  EXPECT_THAT(refused.error().message,
              AllOf(HasSubstr("absent/backup"), HasSubstr("No such file")));
}

TEST_F(SqliteBackup, GivenUp_LeavesNothing) {
  auto store = open(path_);
  for (std::uint64_t id = 1; id <= 20; ++id) append(*store, id, 100'000);
  auto source = sqlite::Connection::open(path_, {}).value();
  EXPECT_FALSE(sqlite::copy_database(source, backup_, [] { return false; }));
  EXPECT_FALSE(std::filesystem::exists(backup_));
  store->cancel_backups();
  const auto refused = wait(store->backup(backup_));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("given up"));
  EXPECT_FALSE(std::filesystem::exists(backup_ + ".incomplete"));
}

TEST_F(SqliteBackup, DamagedDatabase_IsNoBackup) {
  make_backup();
  std::size_t page = 0;
  {
    auto db = sqlite::Connection::open(path_, {}).value();
    page = static_cast<std::size_t>(
        db.number("SELECT rootpage FROM sqlite_schema WHERE name = 'log_entry'").value());
  }
  write(path_, (page - 1) * 4096, std::string(4096, '\xff'));
  auto store = open(path_);
  const auto refused = wait(store->backup(folder_ / "second.db"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unavailable);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr(path_), HasSubstr("damaged")));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "second.db"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "second.db.incomplete"));
}

// --- restore

TEST_F(SqliteBackup, Restored_HoldsTheBackup_TheDatabaseOfBeforeIsKept) {
  make_backup();
  const auto restored = restore_sqlite(backup_, path_);
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(restored->contents.accounts, 1u);
  EXPECT_THAT(accounts(path_), ElementsAre("alice"));
  EXPECT_THAT(accounts(restored->kept), ElementsAre("alice", "bob"));
  EXPECT_THAT(accounts(backup_), ElementsAre("alice"));
}

// What was acknowledged before a crash may be in the log only, which must neither be lost nor be
// worked into the restored database.
TEST_F(SqliteBackup, RestoredAfterACrash_TheLogIsKeptWithItsDatabase) {
  make_backup();
  const std::string crashed = folder_ / "crashed.db";
  {
    auto store = open(path_);
    create(*store, "carol");
    std::filesystem::copy(path_, crashed);
    std::filesystem::copy(path_ + "-wal", crashed + "-wal");
  }
  const auto restored = restore_sqlite(backup_, crashed);
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_THAT(accounts(crashed), ElementsAre("alice"));
  EXPECT_THAT(accounts(restored->kept), ElementsAre("alice", "bob", "carol"));
}

TEST_F(SqliteBackup, RestoredIntoAnEmptyFolder_NothingToKeep) {
  make_backup();
  const std::string folder = folder_ / "new";
  std::filesystem::create_directory(folder);
  const auto restored = restore_sqlite(backup_, folder + "/starling.db");
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_THAT(restored->kept, IsEmpty());
  EXPECT_THAT(accounts(folder + "/starling.db"), ElementsAre("alice"));
}

TEST_F(SqliteBackup, RestoreOverADamagedDatabase_Serves) {
  make_backup();
  write(path_, 0, std::string(8192, '\xff'));
  ASSERT_TRUE(restore_sqlite(backup_, path_));
  EXPECT_THAT(accounts(path_), ElementsAre("alice"));
}

TEST_F(SqliteBackup, WhatIsNoBackup_IsRefused_TheDatabaseStays) {
  make_backup();
  const auto refused = [this](const std::string& why) {
    const auto restored = restore_sqlite(backup_, path_);
    ASSERT_FALSE(restored) << why;
    EXPECT_THAT(restored.error().message, AllOf(HasSubstr(backup_), HasSubstr(why)));
  };
  {
    auto db = sqlite::Connection::open(backup_, {}).value();
    ASSERT_TRUE(db.script("PRAGMA user_version = 1000"));
    refused("newer");
    ASSERT_TRUE(db.script("PRAGMA user_version = 1; PRAGMA application_id = 1"));
    refused("another program");
  }
  write(backup_, 2 * 4096, std::string(4096, '\xff'));
  {
    auto db = sqlite::Connection::open(backup_, {}).value();
    ASSERT_TRUE(db.script("PRAGMA application_id = 1400138855"));
  }
  refused("damaged");
  std::ofstream(backup_, std::ios::trunc).close();
  refused("no database of a Starling");
  std::filesystem::remove(backup_);
  refused("No such file");
  EXPECT_THAT(accounts(path_), ElementsAre("alice", "bob"));
  EXPECT_THAT(files(), UnorderedElementsAre("starling.db", "starling.db.lock"));
}

TEST_F(SqliteBackup, RestoreWhereANodeRuns_IsRefused) {
  make_backup();
  auto store = open(path_);
  const auto restored = restore_sqlite(backup_, path_);
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().code, Errc::unavailable);
  EXPECT_THAT(restored.error().message, HasSubstr("stop that one first"));
  EXPECT_EQ(wait(store->accounts().count("example.org")), 2u);
}

}  // namespace
}  // namespace starling::store
