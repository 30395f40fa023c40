// What only a database file can do: outlive its process, be too new, damaged, locked, read-only.
#include "store/sqlite.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <iterator>
#include <random>

#include "store/sqlite_schema.h"
#include "store/test_support.h"

namespace starling::store {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class SqliteFile : public ::testing::Test {
 protected:
  std::unique_ptr<Store> open() {
    auto store = open_sqlite(path_);
    if (!store) ADD_FAILURE() << store.error().message;
    return std::move(store).value();
  }
  Error open_error() {
    auto store = open_sqlite(path_);
    EXPECT_FALSE(store.has_value());
    return store ? Error{Errc::internal, "opened"} : store.error();
  }
  template <class T>
  T wait(Task<T> task) {
    return store::wait(loop_, std::move(task));
  }
  // A database with alice and bob and one map entry, closed again.
  void make_database() {
    auto store = open();
    ASSERT_TRUE(wait(store->accounts().create({"alice", "example.org", 1, {{"A", "salt"}}})));
    ASSERT_TRUE(wait(store->accounts().create({"bob", "example.org", 2})));
    ASSERT_TRUE(wait(store->maps().apply("alice@example.org", {{"roster", "bob", "1"}})));
  }
  // The database as another program sees it.
  sqlite::Connection raw() { return sqlite::Connection::open(path_, {}).value(); }
  std::string bytes() {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void overwrite(std::size_t offset, const std::string& with) {
    std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(offset));
    file << with;
    ASSERT_TRUE(file.good());
  }

  TemporaryFolder folder_;
  std::string path_ = folder_ / "starling.db";
  ManualLoop loop_;
};

TEST_F(SqliteFile, Reopened_HoldsEverything) {
  make_database();
  auto store = open();
  const auto alice = wait(store->accounts().find("example.org", "alice"));
  ASSERT_TRUE(alice);
  EXPECT_EQ(alice->credentials.at(0).salt, "salt");
  EXPECT_EQ(wait(store->accounts().count("example.org")).value(), 2u);
  EXPECT_EQ(wait(store->maps().get("alice@example.org", "roster", "bob")).value(), "1");
}

TEST_F(SqliteFile, Created_ReadableByItsUserOnly) {
  const mode_t before = ::umask(0);
  auto store = open();
  ASSERT_TRUE(wait(store->maps().apply("", {{"server", "secret", "x"}})));
  ::umask(before);
  for (const std::string suffix : {"", "-wal", "-shm", ".lock"}) {
    struct stat status{};
    ASSERT_EQ(::stat((path_ + suffix).c_str(), &status), 0) << suffix;
    EXPECT_EQ(status.st_mode & 0777, 0600u) << suffix;
  }
}

TEST_F(SqliteFile, Destroyed_QueuedWritesAreKeptAndAnswered) {
  std::vector<std::optional<Result<>>> done(50);
  Gate gate;
  auto store = open();
  for (std::size_t i = 0; i < done.size(); ++i) {
    std::vector<Change> changes = {{"map", std::to_string(i), "x"}};
    gate.spawn(collect(store->maps().apply("alice@example.org", std::move(changes)), done[i]));
  }
  store.reset();
  pump_until_empty(loop_, gate);
  for (const auto& result : done) EXPECT_TRUE(result->has_value());
  store = open();
  EXPECT_EQ(wait(store->maps().scan("alice@example.org", "map")).value().size(), 50u);
}

// --- schema

TEST_F(SqliteFile, NewerSchema_RefusedAndUntouched) {
  make_database();
  ASSERT_TRUE(raw().script("PRAGMA user_version = 1000"));
  const std::string before = bytes();
  const Error error = open_error();
  EXPECT_EQ(error.code, Errc::invalid);
  EXPECT_THAT(error.message,
              AllOf(HasSubstr(path_), HasSubstr("1000"), HasSubstr("newer Starling")));
  EXPECT_EQ(bytes(), before);
}

TEST_F(SqliteFile, OtherProgramsDatabase_RefusedAndUntouched) {
  std::ofstream(path_).close();
  ASSERT_TRUE(raw().script("CREATE TABLE bookmarks (url TEXT)"));
  const std::string before = bytes();
  const Error error = open_error();
  EXPECT_EQ(error.code, Errc::invalid);
  EXPECT_THAT(error.message, AllOf(HasSubstr(path_), HasSubstr("another program")));
  EXPECT_EQ(bytes(), before);
}

TEST_F(SqliteFile, Migrations_RunOnceInOrder_FailureKeepsTheVersionBefore) {
  std::ofstream(path_).close();
  auto db = raw();
  const auto version = [&db] { return db.number("PRAGMA user_version").value(); };
  const std::array steps = {"CREATE TABLE a (x INTEGER)",
                            "ALTER TABLE a ADD COLUMN y; INSERT INTO a VALUES (1, 2)",
                            "INSERT INTO a VALUES (3, 4); INSERT INTO absent VALUES (1)"};
  ASSERT_TRUE(sqlite::migrate(db, std::span(steps).first(1)));
  EXPECT_EQ(version(), 1);
  ASSERT_TRUE(sqlite::migrate(db, std::span(steps).first(2)));
  ASSERT_TRUE(sqlite::migrate(db, std::span(steps).first(2)));
  EXPECT_EQ(version(), 2);
  EXPECT_EQ(db.number("SELECT count(*) FROM a").value(), 1);

  EXPECT_FALSE(sqlite::migrate(db, steps));
  EXPECT_EQ(version(), 2);
  EXPECT_EQ(db.number("SELECT count(*) FROM a").value(), 1);
  EXPECT_FALSE(db.in_transaction());
}

// The key decides how rows lie on disk and whether another engine can shard them.
TEST_F(SqliteFile, Schema_EveryKeyBeginsWithItsOwner) {
  make_database();
  auto db = raw();
  sqlite::Query tables(db,
                       "SELECT t.name, t.wr, (SELECT name FROM pragma_table_info(t.name)"
                       " WHERE pk = 1) FROM pragma_table_list t WHERE t.name NOT LIKE 'sqlite_%'");
  int count = 0;
  while (tables.next()) {
    ++count;
    EXPECT_EQ(tables.integer(1), 1) << tables.text(0) << " has a rowid";
    EXPECT_TRUE(tables.text(2) == "owner" || tables.text(2) == "host") << tables.text(0);
  }
  EXPECT_GE(count, 3);
}

// --- damage

TEST_F(SqliteFile, NotADatabase_RefusedAndUntouched) {
  std::ofstream(path_) << std::string(10'000, 'x');
  const Error error = open_error();
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_THAT(error.message, AllOf(HasSubstr(path_), HasSubstr("damaged"), HasSubstr("backup")));
  EXPECT_EQ(bytes(), std::string(10'000, 'x'));
}

TEST_F(SqliteFile, DamagedTable_UnavailableWhileOthersServe) {
  make_database();
  std::size_t page = 0;
  {
    auto db = raw();
    page = static_cast<std::size_t>(
        db.number("SELECT rootpage FROM sqlite_schema WHERE name = 'account'").value());
  }
  overwrite((page - 1) * 4096, std::string(4096, '\xff'));

  auto store = open();
  const auto found = wait(store->accounts().find("example.org", "alice"));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::unavailable);
  EXPECT_THAT(found.error().message, AllOf(HasSubstr(path_), HasSubstr("damaged")));
  const auto made = wait(store->accounts().create({"carol", "example.org", 3}));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Errc::unavailable);
  EXPECT_TRUE(wait(store->maps().apply("bob@example.org", {{"roster", "alice", "1"}})));
  EXPECT_EQ(wait(store->maps().get("alice@example.org", "roster", "bob")).value(), "1");
  EXPECT_EQ(store->stats().unavailable, 1u);
}

TEST_F(SqliteFile, DamagedAnywhere_NeverCrashesNorHangs) {
  make_database();
  const std::string whole = bytes();
  std::mt19937 random(1);
  for (int round = 0; round < 60; ++round) {
    std::filesystem::remove(path_ + "-wal");
    std::string damaged = whole;
    for (int i = 0; i < 8; ++i) {
      damaged[random() % damaged.size()] = static_cast<char>(random());
    }
    if (round % 4 == 0) damaged.resize(random() % damaged.size());
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << damaged;
    auto store = open_sqlite(path_);
    if (!store) continue;
    std::vector<std::optional<Error>> errors;
    const auto note = [&errors](const auto& result) {
      errors.push_back(result ? std::optional<Error>() : result.error());
    };
    note(wait((*store)->accounts().find("example.org", "alice")));
    note(wait((*store)->accounts().create({"carol", "example.org", 3})));
    note(wait((*store)->maps().scan("alice@example.org", "roster")));
    note(wait((*store)->accounts().erase("example.org", "bob")));
    for (const auto& error : errors) EXPECT_FALSE(error && error->message.empty());
  }
}

// SQLite itself would go on in the file that nobody can find any more.
TEST_F(SqliteFile, TakenAwayWhileInUse_NothingIsAcknowledgedUntilItIsBack) {
  const std::string folder = folder_ / "data";
  const std::string elsewhere = folder_ / "elsewhere";
  std::filesystem::create_directory(folder);
  path_ = folder + "/starling.db";
  auto store = open();
  const auto create = [&](const std::string& username) {
    return wait(store->accounts().create({username, "example.org", 1}));
  };
  ASSERT_TRUE(create("alice"));
  std::filesystem::rename(folder, elsewhere);
  const auto refused = create("bob");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unavailable);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr(path_), HasSubstr("removed or replaced")));
  EXPECT_TRUE(wait(store->accounts().find("example.org", "alice"))) << "readers go on";
  // Another folder in its place does not do.
  std::filesystem::copy(elsewhere, folder);
  EXPECT_FALSE(create("carol"));
  std::filesystem::remove_all(folder);
  std::filesystem::rename(elsewhere, folder);
  EXPECT_TRUE(create("dave"));
}

// --- locks

TEST_F(SqliteFile, OpenTwice_SecondRefusedWithPid_FirstServes) {
  auto store = open();
  const Error error = open_error();
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_THAT(error.message,
              AllOf(HasSubstr(path_), HasSubstr("pid " + std::to_string(::getpid()))));
  const std::string link = folder_ / "link.db";
  std::filesystem::create_symlink(path_, link);
  EXPECT_FALSE(open_sqlite(link));
  EXPECT_TRUE(wait(store->maps().apply("", {{"server", "secret", "x"}})));
  store.reset();
  EXPECT_TRUE(open_sqlite(link));
}

TEST_F(SqliteFile, HeldByAnotherProcess_RefusedUntilItDies) {
  std::array<int, 2> ready{};
  ASSERT_EQ(::pipe(ready.data()), 0);
  const std::string lock = path_ + ".lock";
  const pid_t child = ::fork();
  if (child == 0) {  // only plain system calls here: the parent had threads
    const int fd = ::open(lock.c_str(), O_RDWR | O_CREAT, 0600);
    const bool locked = ::flock(fd, LOCK_EX) == 0;
    (void)!::write(ready[1], locked ? "y" : "n", 1);
    for (;;) ::pause();
  }
  ASSERT_GT(child, 0);
  std::ofstream(lock, std::ios::app) << child << "\n";
  char answer = 0;
  ASSERT_EQ(::read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');

  const Error error = open_error();
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_THAT(error.message, HasSubstr("pid " + std::to_string(child)));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(open_sqlite(path_));
  for (const int fd : ready) ::close(fd);
}

TEST_F(SqliteFile, LockedByAShell_OpenAndWriteFailThenRecover) {
  SqliteOptions impatient;
  impatient.busy_timeout = std::chrono::milliseconds(20);
  auto store = open_sqlite(path_, impatient).value();
  ASSERT_TRUE(wait(store->accounts().create({"alice", "example.org", 1})));

  auto shell = raw();
  ASSERT_TRUE(shell.script("BEGIN IMMEDIATE"));
  const auto refused = wait(store->accounts().create({"bob", "example.org", 1}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unavailable);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr(path_), HasSubstr("locked")));
  EXPECT_TRUE(wait(store->accounts().find("example.org", "alice"))) << "readers go on";
  ASSERT_TRUE(shell.script("COMMIT"));
  EXPECT_TRUE(wait(store->accounts().create({"bob", "example.org", 1})));

  store.reset();
  ASSERT_TRUE(shell.script("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE"));
  const auto opened = open_sqlite(path_, impatient);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::unavailable);
  EXPECT_THAT(opened.error().message, HasSubstr("locked"));
}

// --- rights

// Makes this thread's file accesses those of an ordinary user, who owns `folder`; root may
// write everywhere and would see no error.
class OrdinaryUser {
 public:
  explicit OrdinaryUser(const std::string& folder) {
    if (::geteuid() != 0) return;
    EXPECT_EQ(::chown(folder.c_str(), kNobody, static_cast<gid_t>(-1)), 0);
    ::setfsuid(kNobody);
  }
  ~OrdinaryUser() { ::setfsuid(::geteuid()); }

 private:
  static constexpr uid_t kNobody = 65534;
};

TEST_F(SqliteFile, FolderMissing_SaysSo) {
  path_ = folder_ / "absent/starling.db";
  const Error error = open_error();
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_THAT(error.message,
              AllOf(HasSubstr(path_), HasSubstr("No such file"), HasSubstr("its folder exists")));
}

TEST_F(SqliteFile, FolderReadOnly_SaysSo) {
  OrdinaryUser user(folder_ / "");
  ASSERT_EQ(::chmod((folder_ / "").c_str(), 0500), 0);
  const Error error = open_error();
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_THAT(error.message, AllOf(HasSubstr(path_), HasSubstr("Permission denied")));
  ::chmod((folder_ / "").c_str(), 0700);
}

TEST_F(SqliteFile, FileReadOnly_SaysSoAndIsUntouched) {
  make_database();
  std::filesystem::remove(path_ + ".lock");
  const std::string before = bytes();
  ASSERT_EQ(::chmod(path_.c_str(), 0444), 0);
  {
    OrdinaryUser user(folder_ / "");
    const Error error = open_error();
    EXPECT_EQ(error.code, Errc::unavailable);
    EXPECT_THAT(error.message, AllOf(HasSubstr(path_ + " "), HasSubstr("Permission denied")));
  }
  EXPECT_EQ(bytes(), before);
}

TEST_F(SqliteFile, PathIsAFolder_SaysSo) {
  ASSERT_EQ(::mkdir(path_.c_str(), 0700), 0);
  EXPECT_EQ(open_error().code, Errc::unavailable);
}

}  // namespace
}  // namespace starling::store
