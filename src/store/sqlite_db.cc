#include "store/sqlite_db.h"

#include <cassert>

namespace starling::store::sqlite {

namespace {

// The kind of failure, and advice that follows the file's name in the message.
struct Meaning {
  Errc code;
  std::string_view advice;
};

Meaning meaning_of(int rc) {
  switch (rc & 0xff) {
    case SQLITE_CONSTRAINT:
      return {Errc::exists, "holds such an entry already"};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {Errc::unavailable,
              "is locked by another process; end what holds it (`fuser -v` names it)"};
    case SQLITE_FULL:
      return {Errc::unavailable, "cannot grow; free space on its disk"};
    case SQLITE_IOERR:
      return {Errc::unavailable, "cannot be read or written; check its disk and the kernel's log"};
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return {Errc::unavailable,
              "cannot be written; give this user write permission to it and its folder"};
    case SQLITE_CANTOPEN:
      return {Errc::unavailable,
              "cannot be opened; check that its folder exists and this user may write there"};
    case SQLITE_CORRUPT:
      return {Errc::unavailable, "is damaged; restore it from a backup"};
    case SQLITE_NOTADB:
      return {Errc::unavailable,
              "is damaged or no SQLite database; restore it from a backup or move it away"};
    case SQLITE_NOMEM:
      return {Errc::unavailable, "needs more memory than there is"};
    case SQLITE_TOOBIG:
      return {Errc::invalid, "cannot hold a value that large"};
    default:
      return {Errc::internal, "cannot be used"};
  }
}

}  // namespace

Result<Connection> Connection::open(const std::string& path, const SqliteOptions& options) {
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int rc = sqlite3_open_v2(path.c_str(), &handle, flags,
                                 options.vfs.empty() ? nullptr : options.vfs.c_str());
  Connection db(handle, path);
  if (rc != SQLITE_OK) return std::unexpected(db.error(rc));
  sqlite3_busy_timeout(handle, static_cast<int>(options.busy_timeout.count()));
  // Savepoints keep their undo pages in a temporary file unless told otherwise.
  const auto set = db.script(
      "PRAGMA foreign_keys = OFF;"
      "PRAGMA synchronous = FULL;"
      "PRAGMA temp_store = MEMORY;"
      "PRAGMA cell_size_check = ON;"
      "PRAGMA trusted_schema = OFF;"
      "PRAGMA secure_delete = FAST;");
  if (!set) return std::unexpected(set.error());
  return db;
}

Result<> Connection::script(const std::string& sql) {
  const int rc = sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (rc != SQLITE_OK) return std::unexpected(error(rc));
  return {};
}

Result<std::int64_t> Connection::number(std::string_view sql) {
  Query query(*this, sql);
  const std::int64_t value = query.next() ? query.integer(0) : 0;
  if (auto done = query.result(); !done) return std::unexpected(done.error());
  return value;
}

void Connection::roll_back() {
  if (in_transaction()) sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

Error Connection::error(int rc) const {
  const Meaning meaning = meaning_of(rc);
  std::string message = path_;
  message.append(" ").append(meaning.advice).append(" (SQLite: ");
  message.append(db_ ? sqlite3_errmsg(db_.get()) : sqlite3_errstr(rc));
  message.append(", code ").append(std::to_string(rc)).append(")");
  return {meaning.code, std::move(message)};
}

sqlite3_stmt* Connection::prepared(std::string_view sql, int& rc) {
  if (const auto it = statements_.find(sql); it != statements_.end()) {
    assert(!sqlite3_stmt_busy(it->second.get()) && "a statement is run inside itself");
    return it->second.get();
  }
  sqlite3_stmt* statement = nullptr;
  rc = sqlite3_prepare_v3(db_.get(), sql.data(), static_cast<int>(sql.size()),
                          SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (rc != SQLITE_OK) return nullptr;
  statements_.emplace(sql, statement);
  return statement;
}

Query::~Query() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

bool Query::next() {
  if (rc_ != SQLITE_OK && rc_ != SQLITE_ROW) return false;
  rc_ = sqlite3_step(statement_);
  return rc_ == SQLITE_ROW;
}

Result<> Query::result() const {
  if (rc_ == SQLITE_OK || rc_ == SQLITE_ROW || rc_ == SQLITE_DONE) return {};
  return std::unexpected(db_.error(rc_));
}

std::string Query::text(int column) const {
  // The pointer first: asking for it may convert the value and so change its length.
  const void* bytes = sqlite3_column_blob(statement_, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
}

std::int64_t Query::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

bool Query::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

// An empty string_view may have no address, which SQLite would take for NULL.
void Query::bind(int index, std::string_view text) {
  if (rc_ != SQLITE_OK) return;
  rc_ = sqlite3_bind_text64(statement_, index, text.empty() ? "" : text.data(), text.size(),
                            SQLITE_TRANSIENT, SQLITE_UTF8);
}

void Query::bind(int index, Blob blob) {
  if (rc_ != SQLITE_OK) return;
  rc_ = sqlite3_bind_blob64(statement_, index, blob.bytes.empty() ? "" : blob.bytes.data(),
                            blob.bytes.size(), SQLITE_TRANSIENT);
}

}  // namespace starling::store::sqlite
