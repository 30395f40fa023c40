// The SQLite backend: one file, WAL, synchronous=FULL, one writer thread with group commit (one
// commit serves every write that arrived meanwhile), reader threads beside it.
//
// Beside the database lies `<path>.lock`, held for life, so that two daemons never share one file.
// Destroying the Store runs what was queued; the answers are still posted to their loops.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "base/result.h"
#include "store/store.h"

namespace starling::store {

struct SqliteOptions {
  // How long a call waits for another process (a backup, the sqlite3 shell) to let go of the file.
  std::chrono::milliseconds busy_timeout{5000};
  std::size_t readers = 2;
  // Calls waiting at once, for writes and for reads; more are refused as unavailable.
  std::size_t max_queued = 65536;
  // Pages (4 KiB) of the write-ahead log after which it is worked into the file: the more, the
  // larger the log and the fewer and larger these pauses of the writer.
  std::size_t checkpoint_pages = 4000;
  std::string vfs;  // the name of a registered SQLite VFS, for fault tests; "" is the default
};

// Opens or creates (mode 0600) the database file at `path` and brings its schema up to date.
// Blocking: for start-up. Errors name the file and say what to do: invalid if the schema is newer
// than this program or the file is another program's database, unavailable if the file cannot be
// opened or written, is damaged or is in use by another process.
Result<std::unique_ptr<Store>> open_sqlite(const std::string& path,
                                           const SqliteOptions& options = {});

}  // namespace starling::store
