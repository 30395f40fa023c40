// The SQLite backend: one file, WAL, synchronous=FULL, one writer thread with group commit (one
// commit serves every write that arrived meanwhile), reader threads beside it.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "store/store.h"

namespace starling::store {

// Opens or creates the database file at `path` and brings its schema up to date. Blocking: for
// start-up. Errors name the file and say what to do: invalid if the schema is newer than this
// program, unavailable if the file cannot be opened, is damaged or is locked by another process.
Result<std::unique_ptr<Store>> open_sqlite(const std::string& path);

}  // namespace starling::store
