// Group commit, and what remains of acknowledged writes when the disk fails or the process dies.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>

#include "store/sqlite.h"
#include "store/sqlite_db.h"
#include "store/sqlite_writer.h"
#include "store/test_support.h"

namespace starling::store {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

// SQLite's own writes to files, made to fail from the n-th on, once or for good.
class Disk {
 public:
  Disk() {
    auto* vfs = sqlite3_vfs_find(nullptr);
    for (const char* call : {"pwrite", "pwrite64"}) {
      if (vfs->xGetSystemCall(vfs, call) == nullptr) continue;
      vfs->xSetSystemCall(vfs, call, reinterpret_cast<sqlite3_syscall_ptr>(&Disk::write));
    }
  }
  ~Disk() {
    auto* vfs = sqlite3_vfs_find(nullptr);
    for (const char* call : {"pwrite", "pwrite64"}) vfs->xSetSystemCall(vfs, call, nullptr);
    mend();
  }
  static void fail(int error_number, int from_write = 1, bool for_good = true) {
    for_good_ = for_good;
    error_ = error_number;
    failed_ = 0;
    countdown_ = from_write;
  }
  static void mend() { countdown_ = 0; }
  static int failed() { return failed_; }

 private:
  static ssize_t write(int fd, const void* bytes, std::size_t size, off_t offset) {
    if (countdown_ > 0 && (countdown_ > 1 || !for_good_)) {
      if (countdown_-- > 1) return ::pwrite(fd, bytes, size, offset);
    } else if (countdown_ == 0) {
      return ::pwrite(fd, bytes, size, offset);
    }
    ++failed_;
    errno = error_;
    return -1;
  }
  static inline std::atomic<int> countdown_ = 0;  // 0: all is well, 1: the next write fails
  static inline std::atomic<bool> for_good_ = true;
  static inline std::atomic<int> error_ = 0;
  static inline std::atomic<int> failed_ = 0;
};

class SqliteFaults : public ::testing::Test {
 protected:
  template <class T>
  T wait(Task<T> task) {
    return store::wait(loop_, std::move(task));
  }
  Task<Result<>> create(Store& store, const std::string& username) {
    return store.accounts().create({username, "example.org", 1, {{"A", "salt", 1, "k", "k"}}});
  }
  bool has(Store& store, const std::string& username) {
    return wait(store.accounts().find("example.org", username)).has_value();
  }

  TemporaryFolder folder_;
  std::string path_ = folder_ / "starling.db";
  ManualLoop loop_;
};

// Holds the database's write lock, so that what is queued meanwhile becomes one or two batches.
class Hold {
 public:
  explicit Hold(const std::string& path) : db_(sqlite::Connection::open(path, {}).value()) {
    EXPECT_TRUE(db_.script("BEGIN IMMEDIATE"));
  }
  void let_go() { EXPECT_TRUE(db_.script("COMMIT")); }

 private:
  sqlite::Connection db_;
};

TEST_F(SqliteFaults, GroupCommit_ManyWritesFewCommits) {
  auto store = open_sqlite(path_).value();
  std::vector<std::optional<Result<>>> done(100);
  Gate gate;
  Hold hold(path_);
  for (std::size_t i = 0; i < done.size(); ++i) {
    gate.spawn(collect(create(*store, "user" + std::to_string(i)), done[i]));
  }
  hold.let_go();
  pump_until_empty(loop_, gate);
  for (const auto& result : done) EXPECT_TRUE(result->has_value());
  EXPECT_EQ(store->stats().writes, 100u);
  // The first may have been taken before the others came; those then share one commit.
  EXPECT_LE(store->stats().commits, 2u);
}

TEST_F(SqliteFaults, GroupCommit_OneFailsAlone) {
  auto store = open_sqlite(path_).value();
  std::array<std::optional<Result<>>, 5> done;
  Gate gate;
  Hold hold(path_);
  gate.spawn(collect(create(*store, "alice"), done[0]));
  gate.spawn(collect(create(*store, "alice"), done[1]));
  gate.spawn(collect(store->accounts().erase("example.org", "nobody"), done[2]));
  gate.spawn(collect(create(*store, "bob"), done[3]));
  gate.spawn(collect(store->accounts().set_credentials("example.org", "alice", {}), done[4]));
  hold.let_go();
  pump_until_empty(loop_, gate);
  EXPECT_TRUE(done[0]->has_value());
  EXPECT_EQ(done[1]->error().code, Errc::exists);
  EXPECT_EQ(done[2]->error().code, Errc::not_found);
  EXPECT_TRUE(done[3]->has_value());
  EXPECT_TRUE(done[4]->has_value());
  EXPECT_EQ(store->stats().writes, 3u);
  EXPECT_LE(store->stats().commits, 2u);
  EXPECT_EQ(store->stats().unavailable, 0u);
}

// Three jobs in one batch, the middle one as given: which outcomes, and which rows are there after?
class SqliteWriter : public SqliteFaults {
 protected:
  void run(sqlite::Writer::Job middle) {
    ASSERT_TRUE(open_sqlite(path_));
    sqlite::Writer writer(sqlite::Connection::open(path_, {}).value(), 100);
    const auto insert = [](const char* key) {
      return [key](sqlite::Connection& db) {
        return db.exec("INSERT INTO map_entry VALUES ('', 'm', ?1, x'')", key);
      };
    };
    // One job occupies the writer until the three are queued, so that they share a batch.
    std::atomic<bool> busy = false;
    std::atomic<bool> queued = false;
    sqlite::Writer::Job occupy = [&](sqlite::Connection&) -> Result<> {
      busy = true;
      while (!queued) std::this_thread::yield();
      return {};
    };
    Gate gate;
    std::optional<Result<>> occupied;
    gate.spawn(collect(writer.write(std::move(occupy)), occupied));
    while (!busy) std::this_thread::yield();
    gate.spawn(collect(writer.write(insert("before")), done_[0]));
    gate.spawn(collect(writer.write(std::move(middle)), done_[1]));
    gate.spawn(collect(writer.write(insert("after")), done_[2]));
    queued = true;
    pump_until_empty(loop_, gate);
    auto db = sqlite::Connection::open(path_, {}).value();
    sqlite::Query rows(db, "SELECT key FROM map_entry ORDER BY key");
    while (rows.next()) keys_.push_back(rows.text(0));
  }
  std::array<std::optional<Result<>>, 3> done_;
  std::vector<std::string> keys_;
};

TEST_F(SqliteWriter, JobFailsHalfWay_UndoneAlone) {
  run([](sqlite::Connection& db) -> Result<> {
    EXPECT_TRUE(db.exec("INSERT INTO map_entry VALUES ('', 'm', 'half', x'')"));
    return db.exec("INSERT INTO map_entry VALUES ('', 'm', 'before', x'')");
  });
  EXPECT_TRUE(done_[0]->has_value());
  EXPECT_EQ(done_[1]->error().code, Errc::exists);
  EXPECT_TRUE(done_[2]->has_value());
  EXPECT_THAT(keys_, ::testing::ElementsAre("after", "before"));
}

TEST_F(SqliteWriter, TransactionLost_AllOfItUnavailable) {
  run([](sqlite::Connection& db) -> Result<> {
    EXPECT_TRUE(db.script("ROLLBACK"));  // as SQLite itself does on some errors
    return fail(Errc::internal, "lost");
  });
  for (const auto& result : done_) {
    ASSERT_FALSE(result->has_value());
    EXPECT_EQ(result->error().code, Errc::unavailable);
  }
  EXPECT_THAT(keys_, ::testing::IsEmpty());
}

TEST_F(SqliteFaults, QueueFull_RefusedAtOnce_OthersServed) {
  SqliteOptions small;
  small.max_queued = 8;
  auto store = open_sqlite(path_, small).value();
  std::vector<std::optional<Result<>>> done(40);
  Gate gate;
  Hold hold(path_);
  for (std::size_t i = 0; i < done.size(); ++i) {
    gate.spawn(collect(create(*store, "user" + std::to_string(i)), done[i]));
  }
  // The writer may have taken eight, whenever that was; eight more wait.
  std::size_t refused = 0;
  for (const auto& result : done) {
    if (!result) continue;
    ++refused;
    EXPECT_EQ(result->error().code, Errc::unavailable);
  }
  EXPECT_GE(refused, done.size() - 2 * small.max_queued);
  hold.let_go();
  pump_until_empty(loop_, gate);
  for (std::size_t i = 0; i < done.size(); ++i) {
    EXPECT_EQ(done[i]->has_value(), has(*store, "user" + std::to_string(i))) << i;
  }
  EXPECT_TRUE(done.front()->has_value());
}

TEST_F(SqliteFaults, ManyWritesWait_SaysSoLongBeforeItRefusesAny) {
  auto store = open_sqlite(path_).value();
  EXPECT_FALSE(store->crowded());
  std::vector<std::optional<Result<>>> done(20'000);
  Gate gate;
  Hold hold(path_);
  for (std::size_t i = 0; i < done.size(); ++i) {
    gate.spawn(collect(create(*store, "user" + std::to_string(i)), done[i]));
  }
  EXPECT_TRUE(store->crowded());
  hold.let_go();
  pump_until_empty(loop_, gate);
  EXPECT_FALSE(store->crowded());
  for (const auto& one : done) EXPECT_TRUE(one->has_value());
}

TEST_F(SqliteFaults, HowLateItIs_IsToldOfWhatWaits_AndOnceOfWhatWasMade) {
  auto store = open_sqlite(path_).value();
  EXPECT_EQ(store->take_lag(), 0ns);
  std::optional<Result<>> done;
  Gate gate;
  Hold hold(path_);
  gate.spawn(collect(create(*store, "alice"), done));
  while (store->take_lag() == 0ns) std::this_thread::yield();
  hold.let_go();
  pump_until_empty(loop_, gate);
  EXPECT_TRUE(done->has_value());
  EXPECT_GT(store->take_lag(), 0ns);
  while (store->take_lag() > 0ns) std::this_thread::yield();  // until its thread rests
}

class SqliteDiskFails : public SqliteFaults, public ::testing::WithParamInterface<int> {};

TEST_P(SqliteDiskFails, Commit_AllUnavailable_ReadsGoOn_ServiceBackWhenMended) {
  Disk disk;
  auto store = open_sqlite(path_).value();
  ASSERT_TRUE(wait(create(*store, "alice")));

  std::array<std::optional<Result<>>, 3> done;
  Gate gate;
  Hold hold(path_);
  gate.spawn(collect(create(*store, "bob"), done[0]));
  gate.spawn(collect(create(*store, "bob"), done[1]));  // must not hear `exists`: there is no bob
  gate.spawn(collect(create(*store, "carol"), done[2]));
  Disk::fail(GetParam());
  hold.let_go();
  pump_until_empty(loop_, gate);
  for (const auto& result : done) {
    ASSERT_FALSE(result->has_value());
    EXPECT_EQ(result->error().code, Errc::unavailable);
    EXPECT_THAT(result->error().message, AllOf(HasSubstr(path_), HasSubstr("disk")));
  }
  EXPECT_TRUE(has(*store, "alice"));
  EXPECT_FALSE(has(*store, "bob"));
  EXPECT_EQ(store->stats().unavailable, 3u);
  EXPECT_FALSE(wait(create(*store, "dave")));

  Disk::mend();
  EXPECT_TRUE(wait(create(*store, "bob")));
  store = nullptr;
  store = open_sqlite(path_).value();
  EXPECT_TRUE(has(*store, "alice"));
  EXPECT_TRUE(has(*store, "bob"));
  EXPECT_FALSE(has(*store, "carol"));
  EXPECT_FALSE(has(*store, "dave"));
}

// A full disk refuses thousands of writes a second; logging each would fill it for good.
TEST_P(SqliteDiskFails, ManyTimes_LoggedOnceAndOnceWhenMended) {
  Disk disk;
  auto store = open_sqlite(path_).value();
  const auto lines = [](const std::string& log, const std::string& event) {
    int count = 0;
    for (auto at = log.find(event); at != std::string::npos; at = log.find(event, at + 1)) ++count;
    return count;
  };
  ::testing::internal::CaptureStderr();
  Disk::fail(GetParam());
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(wait(create(*store, "alice")));
  Disk::mend();
  EXPECT_TRUE(wait(create(*store, "alice")));
  EXPECT_TRUE(wait(create(*store, "bob")));
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(lines(log, "store_commit_failed"), 1) << log;
  EXPECT_EQ(lines(log, "store_recovered"), 1) << log;
  EXPECT_EQ(lines(log, "calls_failed_meanwhile=19"), 1) << log;
}

// Fails the 1st, 2nd, 3rd ... write to disk, until opening, working and closing need no more.
TEST_P(SqliteDiskFails, NthWrite_NothingAcknowledgedIsLost) {
  Disk disk;
  const bool for_good = GetParam() == ENOSPC;  // space stays away, a bad block comes alone
  int n = 0;
  do {
    ++n;
    ASSERT_LT(n, 1000);
    const std::string file = folder_ / std::to_string(n) + ".db";
    std::vector<std::string> acknowledged;
    Disk::fail(GetParam(), n, for_good);
    if (auto store = open_sqlite(file)) {
      for (const std::string username : {"alice", "bob", "carol"}) {
        std::vector<Change> changes = {{"m", "k", "v"}, {"m", "l", std::string(9000, 'x')}};
        if (!wait(create(**store, username))) continue;
        if (wait((*store)->maps().apply(username, std::move(changes)))) {
          acknowledged.push_back(username);
        }
      }
      if (!for_good) EXPECT_GE(acknowledged.size(), 2u) << "one fault, more than one failure";
    } else {
      EXPECT_EQ(store.error().code, Errc::unavailable) << store.error().message;
    }
    Disk::mend();
    auto store = open_sqlite(file);
    ASSERT_TRUE(store) << store.error().message;
    for (const auto& username : acknowledged) {
      EXPECT_TRUE(has(**store, username)) << "write " << n;
      EXPECT_EQ(wait((*store)->maps().scan(username, "m")).value().size(), 2u) << "write " << n;
    }
  } while (Disk::failed() > 0);
  EXPECT_GT(n, 10) << "the faults did not reach SQLite";
}

INSTANTIATE_TEST_SUITE_P(Errors, SqliteDiskFails, ::testing::Values(ENOSPC, EIO),
                         [](const auto& info) {
                           return std::string(info.param == ENOSPC ? "Full" : "InputOutputError");
                         });

// Writes until it is killed, and says after each acknowledgement how many there were.
[[noreturn]] void write_until_killed(const std::string& path, int report) {
  ManualLoop loop;
  auto store = open_sqlite(path);
  for (int i = 0; store; ++i) {
    std::vector<Change> changes = {{"log", std::to_string(i), std::string(500, 'x')}};
    if (!wait(loop, (*store)->maps().apply("alice@example.org", std::move(changes)))) break;
    if (::write(report, "+", 1) != 1) break;
  }
  ::_exit(1);
}

TEST_F(SqliteFaults, Killed_NothingAcknowledgedIsLost) {
  int total = 0;
  for (int round = 0; round < 5; ++round) {
    std::array<int, 2> report{};
    ASSERT_EQ(::pipe(report.data()), 0);
    const std::string file = folder_ / "round" + std::to_string(round);
    const pid_t child = ::fork();
    if (child == 0) write_until_killed(file, report[1]);
    ASSERT_GT(child, 0);
    ::close(report[1]);
    int acknowledged = 0;
    char plus = 0;
    while (acknowledged < 20 + 30 * round && ::read(report[0], &plus, 1) == 1) ++acknowledged;
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    while (::read(report[0], &plus, 1) == 1) ++acknowledged;
    ::close(report[0]);
    ASSERT_GE(acknowledged, 20);
    total += acknowledged;

    auto store = open_sqlite(file);
    ASSERT_TRUE(store) << store.error().message;
    const auto entries = wait((*store)->maps().scan("alice@example.org", "log"));
    ASSERT_TRUE(entries);
    // The one under way may be there as well.
    EXPECT_GE(entries->size(), static_cast<std::size_t>(acknowledged));
    EXPECT_LE(entries->size(), static_cast<std::size_t>(acknowledged) + 1);
  }
  EXPECT_GE(total, 400);
}

}  // namespace
}  // namespace starling::store
