#include "store/sqlite.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include "store/sqlite_backup.h"
#include "store/sqlite_db.h"
#include "store/sqlite_lock.h"
#include "store/sqlite_readers.h"
#include "store/sqlite_schema.h"
#include "store/sqlite_shapes.h"
#include "store/sqlite_writer.h"

namespace starling::store {

namespace sqlite {
namespace {

class SqliteStore final : public Store {
 public:
  SqliteStore(FileLock lock, Connection writer, std::vector<Connection> readers,
              const SqliteOptions& options)
      : lock_(std::move(lock)),
        backups_(writer.path(), options),
        writer_(std::move(writer), options.max_queued),
        readers_(std::move(readers), options.max_queued),
        memory_("starling_sqlite_memory_bytes",
                "Memory that SQLite has allocated, most of it caches", metrics::Labels(),
                [] { return static_cast<double>(sqlite3_memory_used()); }) {}

  Accounts& accounts() override { return accounts_; }
  Maps& maps() override { return maps_; }
  Logs& logs() override { return logs_; }
  Task<Result<Backup>> backup(std::string path) override {
    return backups_.backup(std::move(path));
  }
  void cancel_backups() override { backups_.cancel(); }
  [[nodiscard]] Stats stats() const override { return writer_.stats(); }
  [[nodiscard]] StoreMemory memory() const override {
    return {static_cast<std::uint64_t>(sqlite3_memory_used()), writer_.waiting_bytes()};
  }
  [[nodiscard]] bool crowded() const override { return writer_.crowded(); }
  std::chrono::nanoseconds take_lag() override { return writer_.take_lag(); }

 private:
  FileLock lock_;  // first: let go last
  Backups backups_;
  Writer writer_;
  Readers readers_;
  SqliteAccounts accounts_{writer_, readers_};
  SqliteMaps maps_{writer_, readers_};
  SqliteLogs logs_{writer_, readers_};
  metrics::Observed memory_;
};

// Makes the file if there is none, for its mode and for the system's own words when it cannot be
// made; SQLite has one error code for all of them. It gives its -wal and -shm the same mode.
Result<> make_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return fail(Errc::unavailable,
                path + " cannot be opened for writing (" + std::generic_category().message(errno) +
                    "); check that its folder exists and this user may write to both");
  }
  ::close(fd);
  return {};
}

Result<> use_wal(Connection& db, const SqliteOptions& options) {
  std::string mode;
  {
    Query row(db, "PRAGMA journal_mode = WAL");
    // To its end: the change is committed after the row that tells of it.
    while (row.next()) mode = row.text(0);
    if (auto done = row.result(); !done) return done;
  }
  if (mode != "wal") {
    return fail(Errc::unavailable, db.path() + " cannot use a write-ahead log (journal mode " +
                                       mode + "); move it to a local file system");
  }
  // In KiB: what a batch of 2,000 appends to as many archives changes fits, and is written once.
  // In bytes: what an unusual load leaves behind of the log.
  return db.script(
      "PRAGMA cache_size = -16384;"
      "PRAGMA journal_size_limit = 67108864;"
      "PRAGMA wal_autocheckpoint = " +
      std::to_string(options.checkpoint_pages));
}

Result<Connection> open_writer(const std::string& path, const SqliteOptions& options) {
  auto db = Connection::open(path, options);
  if (!db) return db;
  if (db->read_only()) return std::unexpected(db->error(SQLITE_READONLY));
  // First what refuses a file that is not ours, or too new: it must stay untouched.
  if (auto done = migrate(*db); !done) return std::unexpected(done.error());
  if (auto done = use_wal(*db, options); !done) return std::unexpected(done.error());
  return db;
}

Result<std::vector<Connection>> open_readers(const std::string& path,
                                             const SqliteOptions& options) {
  std::vector<Connection> readers;
  for (std::size_t i = 0; i < std::max<std::size_t>(options.readers, 1); ++i) {
    auto db = Connection::open(path, options);
    if (!db) return std::unexpected(db.error());
    // In KiB. The kernel keeps the file's pages anyhow: a larger cache of our own, once for each
    // reader, gave log-ins and archive pages nothing.
    if (auto done = db->script("PRAGMA cache_size = -256; PRAGMA query_only = ON"); !done) {
      return std::unexpected(done.error());
    }
    readers.push_back(std::move(*db));
  }
  return readers;
}

}  // namespace
}  // namespace sqlite

Result<std::unique_ptr<Store>> open_sqlite(const std::string& given, const SqliteOptions& options) {
  const std::string path = sqlite::resolved(given);
  auto lock = sqlite::FileLock::acquire(path);
  if (!lock) return std::unexpected(lock.error());
  if (auto made = sqlite::make_file(path); !made) return std::unexpected(made.error());
  auto writer = sqlite::open_writer(path, options);
  if (!writer) return std::unexpected(writer.error());
  auto readers = sqlite::open_readers(path, options);
  if (!readers) return std::unexpected(readers.error());
  return std::make_unique<sqlite::SqliteStore>(std::move(*lock), std::move(*writer),
                                               std::move(*readers), options);
}

}  // namespace starling::store
