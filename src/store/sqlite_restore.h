// Puts a backup in the place of the database of a node that does not run.
#pragma once

#include <string>

#include "base/result.h"
#include "store/store.h"

namespace starling::store {

struct Restored {
  Backup contents;
  std::string kept;  // where the database of before lies now; "" if there was none
};

// Checks a copy of `backup` in the folder of the database `path`, puts the database of before aside
// under a name with the date, and the copy in its place; it belongs to whom the folder belongs.
// However this ends, the database of before is whole in one of the two places. Blocking.
// unavailable: a node runs, the backup is damaged, or a file cannot be read or written; invalid:
// the backup is not one of a Starling of this or an older version.
Result<Restored> restore_sqlite(const std::string& backup, const std::string& path);

}  // namespace starling::store
