#include "store/postgres_connection.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
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

std::string one_line(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  std::string line(text);
  std::ranges::replace(line, '\n', ' ');
  return line;
}

void silence_notices(PGconn* connection) {
  PQsetNoticeProcessor(connection, [](void*, const char*) {}, nullptr);
}

Result<Connection> Connection::open(const std::string& conninfo) {
  Connection opened(PQconnectdb(conninfo.c_str()));
  silence_notices(opened.connection_.get());
  if (PQstatus(opened.connection_.get()) == CONNECTION_OK) return opened;
  const std::string message = one_line(PQerrorMessage(opened.connection_.get()));
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
  return fail(Errc::unavailable, one_line(PQerrorMessage(connection_.get())));
}

std::string Connection::local_address() const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  std::array<char, NI_MAXHOST> text{};
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::getsockname(PQsocket(connection_.get()), generic, &size) != 0 ||
      address.ss_family == AF_UNIX ||
      ::getnameinfo(generic, size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0) {
    return "127.0.0.1";
  }
  return text.data();
}

std::string Connection::name() const {
  const PGconn* connection = connection_.get();
  return std::string(PQdb(connection)) + " at " + PQhost(connection) + ":" + PQport(connection);
}

}  // namespace starling::store::postgres
