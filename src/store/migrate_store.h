// Moves what a node on SQLite has grown into the PostgreSQL database of a cluster.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "store/store.h"

namespace starling::store {

// How far it has come; called after every batch.
struct MigrationProgress {
  std::string step;  // "copying log_entry", "comparing log_entry"
  std::uint64_t done = 0;
  std::uint64_t of = 0;  // rows
};

// Copies every row of the SQLite database `path` into the PostgreSQL database `url`, then reads
// both and compares counts and SHA-256 digests, table by table. Until that is done no node starts
// on the target. Interrupted, it goes on where it was when called again. The source is brought up
// to date, else not changed, and kept from being used meanwhile. Blocking. Errors: unavailable: a
// node runs on the source, or one of the two cannot be read or written; exists: the target holds
// something that is not from this source; denied, invalid: as of open_postgres().
Result<Backup> migrate_store(const std::string& path, const std::string& url,
                             const std::function<void(const MigrationProgress&)>& tell);

}  // namespace starling::store
