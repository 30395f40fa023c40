#include "store/sqlite_copy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "base/file_descriptor.h"
#include "store/sqlite_schema.h"

namespace starling::store::sqlite {

namespace {

constexpr int kPagesAPart = 256;  // 1 MiB
// Synced along the way: one large sync at the end would hold up the commits of the live database.
constexpr int kPartsASync = 16;
constexpr int kStepsACheck = 100'000;  // of SQLite's machine, between two questions to go_on

std::unexpected<Error> system_error(const std::string& path, const char* what) {
  const int error = errno;
  const Errc code = error == EEXIST ? Errc::exists : Errc::unavailable;
  return fail(code, path + " " + what + " (" + std::generic_category().message(error) + ")");
}

Error given_up(const std::string& path) {
  return {Errc::unavailable, path + " was given up, as the node stops"};
}

Result<> sync(const FileDescriptor& file, const std::string& path) {
  if (::fdatasync(file.get()) != 0) return system_error(path, "cannot be written");
  return {};
}

// The transaction of `source` stands still meanwhile, so that all parts are of one moment.
Result<> copy_pages(Connection& source, Connection& target, const FileDescriptor& file,
                    const GoOn& go_on) {
  std::unique_ptr<sqlite3_backup, int (*)(sqlite3_backup*)> copy(
      sqlite3_backup_init(target.handle(), "main", source.handle(), "main"), sqlite3_backup_finish);
  if (!copy) return std::unexpected(target.error(sqlite3_errcode(target.handle())));
  for (int part = 1;; ++part) {
    const int rc = sqlite3_backup_step(copy.get(), kPagesAPart);
    if (rc == SQLITE_DONE) break;
    if (rc != SQLITE_OK) {
      // The code does not say whose it is: a full disk is the copy's, damage the original's.
      const bool of_source = (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB;
      return std::unexpected((of_source ? source : target).error(rc));
    }
    if (!go_on()) return std::unexpected(given_up(target.path()));
    if (part % kPartsASync != 0) continue;
    if (auto done = sync(file, target.path()); !done) return done;
  }
  const int rc = sqlite3_backup_finish(copy.release());
  if (rc != SQLITE_OK) return std::unexpected(target.error(rc));
  return {};
}

Result<> copy_snapshot(Connection& source, Connection& target, const FileDescriptor& file,
                       const GoOn& go_on) {
  if (auto begun = source.script("BEGIN; SELECT 1 FROM sqlite_schema"); !begun) return begun;
  Result<> done = copy_pages(source, target, file, go_on);
  source.roll_back();
  return done;
}

Result<> check(Connection& db, const std::string& original, const GoOn& go_on) {
  const auto stop = [](void* asked) { return (*static_cast<const GoOn*>(asked))() ? 0 : 1; };
  sqlite3_progress_handler(db.handle(), kStepsACheck, stop, const_cast<GoOn*>(&go_on));
  Query rows(db, "PRAGMA integrity_check(1)");
  const std::string found = rows.next() ? rows.text(0) : "";
  const Result<> done = rows.result();
  sqlite3_progress_handler(db.handle(), 0, nullptr, nullptr);
  if (!done && !go_on()) return std::unexpected(given_up(db.path()));
  if (!done) return done;
  if (found != "ok") {
    return fail(Errc::unavailable,
                original + " is damaged; keep your earlier backups (SQLite: " + found + ")");
  }
  return {};
}

Result<Backup> contents(Connection& db) {
  Backup found;
  for (auto [count, sql] : {std::pair{&found.accounts, "SELECT count(*) FROM account"},
                            std::pair{&found.map_entries, "SELECT count(*) FROM map_entry"},
                            std::pair{&found.log_entries, "SELECT count(*) FROM log_entry"}}) {
    const auto number = db.number(sql);
    if (!number) return std::unexpected(number.error());
    *count = static_cast<std::uint64_t>(*number);
  }
  std::error_code error;
  found.bytes = std::filesystem::file_size(db.path(), error);
  return found;
}

Result<Backup> copy_into(Connection& source, const std::string& path, const FileDescriptor& file,
                         const GoOn& go_on) {
  auto target = Connection::open(path, {});
  if (!target) return std::unexpected(target.error());
  // Nobody needs half of it: no journal, and synced here.
  auto done = target->script("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF");
  if (done) done = copy_snapshot(source, *target, file, go_on);
  if (done) done = target->script("PRAGMA journal_mode = DELETE");
  if (done) done = sync(file, path);
  if (done) done = check(*target, source.path(), go_on);
  if (!done) return std::unexpected(done.error());
  return contents(*target);
}

}  // namespace

Result<Backup> copy_database(Connection& source, const std::string& target, const GoOn& go_on) {
  if (auto known = check_schema(source); !known) return std::unexpected(known.error());
  const FileDescriptor file(::open(target.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.get() < 0) return system_error(target, "cannot be made");
  auto copied = copy_into(source, target, file, go_on);
  if (!copied) {
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) ::unlink((target + suffix).c_str());
  }
  return copied;
}

Result<> sync_folder_of(const std::string& path) {
  std::string folder = std::filesystem::path(path).parent_path().string();
  if (folder.empty()) folder = ".";
  const FileDescriptor file(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (file.get() < 0 || ::fsync(file.get()) != 0) return system_error(folder, "cannot be synced");
  return {};
}

Result<> rename_new(const std::string& from, const std::string& to) {
  int failed = ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE);
  if (failed != 0 && errno == EINVAL) {  // a file system that cannot promise it, like NFS
    errno = EEXIST;
    failed = ::access(to.c_str(), F_OK) == 0 ? -1 : ::rename(from.c_str(), to.c_str());
  }
  if (failed != 0) return system_error(to, "cannot be made");
  return sync_folder_of(to);
}

}  // namespace starling::store::sqlite
