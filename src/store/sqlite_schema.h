// The schema as ordered migrations, and what brings a database up to date.
//
// PRAGMA user_version counts the migrations a file has seen; PRAGMA application_id marks it as
// ours. Each migration runs in a transaction of its own, so that a failed one leaves the file at
// the version before it.
#pragma once

#include <span>

#include "base/result.h"
#include "store/sqlite_db.h"

namespace starling::store::sqlite {

// Every table is clustered by its primary key, which begins with the owner (or host): one owner's
// rows lie together, and the same tables shard by owner on other engines.
[[nodiscard]] std::span<const char* const> migrations();

// invalid: the file has seen more migrations than we know, or is another program's database.
Result<> migrate(Connection& db, std::span<const char* const> steps = migrations());

// For a database that is only read: it is one of ours, and not too new; errors as of migrate().
Result<> check_schema(Connection& db);

}  // namespace starling::store::sqlite
