#include "store/sqlite_restore.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/clock.h"
#include "store/sqlite_copy.h"
#include "store/sqlite_db.h"
#include "store/sqlite_lock.h"

namespace starling::store {

namespace {

std::unexpected<Error> system_error(const std::string& what) {
  return fail(Errc::unavailable, what + " (" + std::generic_category().message(errno) + ")");
}

bool is_there(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

// A second name for a file; SQLite finds the log of a database by the database's name.
Result<> link_if_there(const std::string& from, const std::string& to) {
  if (!is_there(from) || ::link(from.c_str(), to.c_str()) == 0) return {};
  return system_error(from + " cannot be kept as " + to);
}

Result<std::string> put_aside(const std::string& path) {
  if (!is_there(path) && !is_there(path + "-wal")) return "";
  std::string date = xmpp_datetime_us(wall_clock_us());
  std::erase(date, ':');  // scp and others take it for the end of a host's name
  const std::string kept = path + ".before-restore-" + date;
  for (const char* suffix : {"", "-wal"}) {
    if (auto linked = link_if_there(path + suffix, kept + suffix); !linked) {
      return std::unexpected(linked.error());
    }
  }
  if (auto synced = sqlite::sync_folder_of(path); !synced) return std::unexpected(synced.error());
  return kept;
}

// What root makes must be of use to the user whom the node runs as.
Result<> give_to_owner_of_folder(const std::string& path, const std::string& folder) {
  struct stat owner{};
  if (::geteuid() != 0) return {};
  if (::stat(folder.c_str(), &owner) != 0 ||
      ::chown(path.c_str(), owner.st_uid, owner.st_gid) != 0) {
    return system_error(path + " cannot be given to the owner of " + folder);
  }
  return {};
}

// The old log must be gone before the new file has its name: SQLite would work it into that.
Result<> replace(const std::string& fresh, const std::string& path) {
  for (const char* suffix : {"-wal", "-shm", "-journal"}) {
    if (::unlink((path + suffix).c_str()) != 0 && errno != ENOENT) {
      return system_error(path + suffix + " cannot be removed");
    }
  }
  if (auto synced = sqlite::sync_folder_of(path); !synced) return synced;
  if (::rename(fresh.c_str(), path.c_str()) != 0) return system_error(path + " cannot be replaced");
  return sqlite::sync_folder_of(path);
}

Result<Restored> put_in_place(const std::string& fresh, const std::string& path,
                              const std::string& folder) {
  if (auto given = give_to_owner_of_folder(fresh, folder); !given) {
    return std::unexpected(given.error());
  }
  auto kept = put_aside(path);
  if (!kept) return std::unexpected(kept.error());
  if (auto done = replace(fresh, path); !done) return std::unexpected(done.error());
  return Restored{{}, std::move(*kept)};
}

}  // namespace

Result<Restored> restore_sqlite(const std::string& backup, const std::string& given) {
  const std::string path = sqlite::resolved(given);
  const std::string folder = std::filesystem::path(path).parent_path().string();

  auto lock = sqlite::FileLock::acquire(path);
  if (!lock) return std::unexpected(lock.error());
  if (auto mine = give_to_owner_of_folder(path + ".lock", folder); !mine) {
    return std::unexpected(mine.error());
  }
  if (!is_there(backup)) return system_error(backup + " cannot be read");
  auto source = sqlite::Connection::open(backup, {});
  if (!source) return std::unexpected(source.error());
  const std::string fresh = path + ".restoring";
  ::unlink(fresh.c_str());  // of a restore that was killed
  const auto copied = sqlite::copy_database(*source, fresh, [] { return true; });
  if (!copied) return std::unexpected(copied.error());
  auto restored = put_in_place(fresh, path, folder);
  if (restored) {
    restored->contents = *copied;
  } else {
    ::unlink(fresh.c_str());
  }
  return restored;
}

}  // namespace starling::store
