#include "store/postgres_connection.h"

#include <string_view>

namespace starling::store::postgres {

namespace {

// In libpq's own quotes, so that any value survives.
std::string setting(std::string_view name, std::string_view value) {
  std::string text(" ");
  text.append(name).append("='");
  for (const char c : value) {
    if (c == '\'' || c == '\\') text.push_back('\\');
    text.push_back(c);
  }
  return text + "'";
}

std::string message_of(const PGconn* connection) {
  std::string message = PQerrorMessage(connection);
  while (message.ends_with('\n')) message.pop_back();
  return message;
}

// libpq gives no SQLSTATE for a connection that never stood; the server's words are all there is.
Errc reason(std::string_view message) {
  const bool denied = message.contains("authentication failed") ||
                      message.contains("no password supplied") ||
                      message.contains("no pg_hba.conf entry") ||
                      (message.contains("role \"") && message.contains("does not exist"));
  return denied ? Errc::denied : Errc::unavailable;
}

}  // namespace

Result<std::string> conninfo(const std::string& url) {
  char* error = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(
      PQconninfoParse(url.c_str(), &error), PQconninfoFree);
  if (!parsed) {
    PQfreemem(error);  // it quotes the URL
    return fail(Errc::invalid, "the database URL is not one that libpq understands");
  }
  // A broken network is noticed, soon enough that the next host of several has its turn; and a
  // standby is not taken for the database. What the URL says itself comes later and wins.
  std::string settings =
      setting("fallback_application_name", "starling") + setting("client_encoding", "UTF8") +
      setting("target_session_attrs", "read-write") + setting("keepalives_idle", "10") +
      setting("keepalives_interval", "5") + setting("keepalives_count", "3") +
      setting("tcp_user_timeout", "4000") + setting("connect_timeout", "10");
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) settings += setting(option->keyword, option->val);
  }
  return settings;
}

Result<Connection> Connection::open(const std::string& conninfo) {
  Connection opened(PQconnectdb(conninfo.c_str()));
  PQsetNoticeProcessor(opened.connection_.get(), [](void*, const char*) {}, nullptr);
  if (PQstatus(opened.connection_.get()) == CONNECTION_OK) return opened;
  const std::string message = message_of(opened.connection_.get());
  return fail(reason(message), message);
}

Result<Rows> Connection::exec(const std::string& sql, const Values& values) {
  const auto raw = values.raw();
  return checked(PQexecParams(connection_.get(), sql.c_str(), values.count(), nullptr,
                              raw.values.data(), raw.lengths.data(), raw.formats.data(), 1));
}

Result<Rows> Connection::script(const std::string& sql) {
  return checked(PQexec(connection_.get(), sql.c_str()));
}

Result<Rows> Connection::checked(PGresult* result) const {
  Rows rows(result);
  const ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return rows;
  return fail(Errc::unavailable, message_of(connection_.get()));
}

std::string Connection::name() const {
  const PGconn* connection = connection_.get();
  return std::string(PQdb(connection)) + " at " + PQhost(connection) + ":" + PQport(connection);
}

}  // namespace starling::store::postgres
