// One SQLite connection and its prepared statements; errors are values, in words for an operator.
//
// Not thread-safe: a Connection is used by one thread at a time.
#pragma once

#include <sqlite3.h>

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "store/sqlite.h"

namespace starling::store::sqlite {

// Whether an error is of the machine or the program, not of what was asked: worth a log line.
[[nodiscard]] inline bool needs_operator(const Error& error) {
  return error.code == Errc::unavailable || error.code == Errc::internal;
}

// A value bound as BLOB rather than TEXT.
struct Blob {
  std::string_view bytes;
};

class Connection {
 public:
  // Opens an existing file for reading and writing, with what every connection of ours wants set.
  static Result<Connection> open(const std::string& path, const SqliteOptions& options);

  // Runs one statement to its end, with `args` as ?1, ?2, ... It stays prepared under its text, so
  // the text must be one of the program's constants.
  template <class... Args>
  Result<> exec(std::string_view sql, const Args&... args);

  // Runs one or more statements unprepared: schema and settings.
  Result<> script(const std::string& sql);
  // The integer a statement like "PRAGMA user_version" answers.
  Result<std::int64_t> number(std::string_view sql);

  // Undoes the transaction, if one is open; what it could not undo, SQLite does at the next open.
  void roll_back();

  // Rows changed by the last INSERT, UPDATE or DELETE.
  [[nodiscard]] std::int64_t changes() const { return sqlite3_changes64(db_.get()); }
  [[nodiscard]] bool in_transaction() const { return sqlite3_get_autocommit(db_.get()) == 0; }
  [[nodiscard]] bool read_only() const { return sqlite3_db_readonly(db_.get(), "main") == 1; }
  [[nodiscard]] const std::string& path() const { return path_; }
  // For what this class does not offer.
  [[nodiscard]] sqlite3* handle() const { return db_.get(); }

  // What result code `rc` of the last call means: exists for a violated key, unavailable for what
  // the machine or another process did, with the file's name and what to do about it.
  [[nodiscard]] Error error(int rc) const;

 private:
  friend class Query;
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  Connection(sqlite3* db, std::string path) : db_(db), path_(std::move(path)) {}
  // The statement prepared for `sql`, or nullptr with `rc` set.
  sqlite3_stmt* prepared(std::string_view sql, int& rc);

  std::unique_ptr<sqlite3, Close> db_;
  std::string path_;
  std::unordered_map<std::string, std::unique_ptr<sqlite3_stmt, Finalize>, Hash, std::equal_to<>>
      statements_;
};

// One run of a prepared statement. It copies what it binds and leaves the statement reset.
//
//   Query rows(db, "SELECT key FROM map_entry WHERE owner = ?1", owner);
//   while (rows.next()) keys.push_back(rows.text(0));
//   if (auto done = rows.result(); !done) return std::unexpected(done.error());
class Query {
 public:
  template <class... Args>
  Query(Connection& db, std::string_view sql, const Args&... args)
      : db_(db), statement_(db.prepared(sql, rc_)) {
    int index = 0;
    (bind(++index, args), ...);
  }
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  // One more parameter, ?`index`, for a text whose number of them is not fixed. Before next().
  void bind(int index, std::string_view text);
  void bind(int index, Blob blob);
  template <std::integral N>
  void bind(int index, N number) {
    if (rc_ == SQLITE_OK) rc_ = sqlite3_bind_int64(statement_, index, number);
  }

  // Steps to the next row. False at the end, and on an error, which result() then tells.
  bool next();
  [[nodiscard]] Result<> result() const;

  // Columns of the current row, counted from 0; NULL reads as "" or 0.
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] bool is_null(int column) const;

 private:
  Connection& db_;
  int rc_ = SQLITE_OK;
  sqlite3_stmt* statement_;
};

template <class... Args>
Result<> Connection::exec(std::string_view sql, const Args&... args) {
  Query query(*this, sql, args...);
  while (query.next()) continue;
  return query.result();
}

}  // namespace starling::store::sqlite
