// The PostgreSQL backend: one database that any number of nodes share.
//
// A thread of its own talks to it over a few connections in pipeline mode. A database that cannot
// be reached for a while (restarted, failed over) is waited for; nothing acknowledged is lost.
// Its tables are in a schema of their own, named starling.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "base/result.h"
#include "store/store.h"

namespace starling::store {

struct PostgresOptions {
  std::size_t readers = 2;  // connections beside the one that writes
  // Calls waiting at once, for writes and for reads; more are refused as unavailable.
  std::size_t max_queued = 65536;
  // How long a call waits for a database that cannot be reached, and for its answer.
  std::chrono::milliseconds patience{10'000};
};

// `url` as libpq takes it (postgresql://user:password@host/database?sslmode=verify-full, or
// "host=… dbname=…"). Connects and brings the schema up to date. Blocking: for start-up. Errors say
// what to do and never show a password: invalid (the URL, a database of another encoding, a schema
// that this program is too old for), denied (user or password), unavailable (cannot be reached).
Result<std::unique_ptr<Store>> open_postgres(const std::string& url,
                                             const PostgresOptions& options = {});

// The IP address from which this machine reaches the database; 127.0.0.1 by way of a Unix socket.
// Blocking. Errors: as of open_postgres.
Result<std::string> address_towards_postgres(const std::string& url);

}  // namespace starling::store
