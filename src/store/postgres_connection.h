// One blocking connection to PostgreSQL: for start-up and for programs that do nothing else.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/postgres_values.h"

namespace starling::store::postgres {

// What libpq is to know: `url` as PostgresOptions take it, with our own settings beside it. invalid
// if it is no such URL; the message does not quote it, as it may hold a password.
[[nodiscard]] Result<std::string> conninfo(const std::string& url);

struct CloseConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using ConnectionPtr = std::unique_ptr<PGconn, CloseConnection>;

// libpq's words without the line feeds: it ends its messages with one, and may write several lines.
[[nodiscard]] std::string one_line(std::string_view text);

// For a new connection: notices are not written to standard error.
void silence_notices(PGconn* connection);

class Connection {
 public:
  // denied: user or password; unavailable: it cannot be reached.
  [[nodiscard]] static Result<Connection> open(const std::string& conninfo);

  // One statement with parameters, its rows in the binary format.
  [[nodiscard]] Result<Rows> exec(const std::string& sql, const Values& values);
  // One or more statements; the rows of the last, as text.
  [[nodiscard]] Result<Rows> script(const std::string& sql);

  // This machine's IP address on the connection; 127.0.0.1 for a Unix socket.
  [[nodiscard]] std::string local_address() const;
  // "DATABASE at HOST:PORT", for people.
  [[nodiscard]] std::string name() const;

 private:
  explicit Connection(PGconn* connection) : connection_(connection) {}
  [[nodiscard]] Result<Rows> checked(PGresult* result) const;

  ConnectionPtr connection_;
};

}  // namespace starling::store::postgres
