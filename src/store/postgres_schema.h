// The schema of the PostgreSQL backend as ordered migrations, and what brings a database up to
// date.
//
// However many nodes start together, each migration runs once: under a lock, in a transaction of
// its own that also counts it. Nodes of the version before go on working meanwhile, so a migration
// only adds; what it would take away goes with the next version. One that cannot keep to that says
// so, and older programs then refuse to start.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "base/result.h"
#include "store/postgres_connection.h"

namespace starling::store::postgres {

struct Migration {
  const char* sql;
  bool ends_compatibility = false;  // programs that do not know it cannot work with it
};

[[nodiscard]] std::span<const Migration> migrations();

// invalid: the database has seen a migration that this program does not know and cannot work with,
// or is not in UTF-8; unavailable: it failed.
Result<> migrate(Connection& connection, std::span<const Migration> steps = migrations());

// Runs `work` in one transaction, while no other node does that on this database.
Result<> alone(Connection& connection, const std::function<Result<>()>& work);

// invalid: starlingctl migrate_store has begun to fill the database and is not done.
Result<> check_complete(Connection& connection);

}  // namespace starling::store::postgres
