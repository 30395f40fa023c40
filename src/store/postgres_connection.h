// One blocking connection to PostgreSQL: for start-up and for programs that do nothing else.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string>

#include "base/result.h"
#include "store/postgres_values.h"

namespace starling::store::postgres {

// What libpq is to know: `url` as PostgresOptions take it, with our own settings beside it. invalid
// if it is no such URL; the message does not quote it, as it may hold a password.
[[nodiscard]] Result<std::string> conninfo(const std::string& url);

class Connection {
 public:
  // denied: user or password; unavailable: it cannot be reached.
  [[nodiscard]] static Result<Connection> open(const std::string& conninfo);

  // One statement with parameters, its rows in the binary format.
  [[nodiscard]] Result<Rows> exec(const std::string& sql, const Values& values);
  // One or more statements; the rows of the last, as text.
  [[nodiscard]] Result<Rows> script(const std::string& sql);

  // "DATABASE at HOST:PORT", for people.
  [[nodiscard]] std::string name() const;

 private:
  struct Close {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  explicit Connection(PGconn* connection) : connection_(connection) {}
  [[nodiscard]] Result<Rows> checked(PGresult* result) const;

  std::unique_ptr<PGconn, Close> connection_;
};

}  // namespace starling::store::postgres
