// Whole copies of a database file: what backup and restore have in common.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "store/sqlite_db.h"
#include "store/store.h"

namespace starling::store::sqlite {

// Asked between parts of some milliseconds each; it may wait, so that others get the disk in
// between. False: give up.
using GoOn = std::function<bool()>;

// Writes what `source` holds at this moment into the new file `target` (mode 0600), checks the copy
// and syncs it; `source` may be written to by other connections meanwhile. The copy is one file,
// not in WAL mode. If it fails, there is no `target`. exists: there is such a file; unavailable: it
// cannot be read, written, or was given up; invalid: the source is no Starling database or too new.
Result<Backup> copy_database(Connection& source, const std::string& target, const GoOn& go_on);

// Gives a file another name in its folder, durably; never replaces one: exists.
Result<> rename_new(const std::string& from, const std::string& to);

// Syncs the folder that holds `path`: what has been made, renamed and removed in it is durable.
Result<> sync_folder_of(const std::string& path);

}  // namespace starling::store::sqlite
