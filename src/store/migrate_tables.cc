#include "store/migrate_tables.h"

#include <openssl/evp.h>

#include <utility>

namespace starling::store::migration {

namespace {

constexpr std::size_t kRows = 2'000;
constexpr std::size_t kBytes = 4 * 1024 * 1024;

// PostgreSQL's binary format of an integer.
std::string encode(std::int64_t value, std::size_t bytes) {
  std::string out;
  for (std::size_t i = bytes; i-- > 0;) {
    out.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xFF));
  }
  return out;
}

std::int64_t decode(const std::string& bytes) {
  std::uint64_t bits = 0;
  for (const char c : bytes) bits = bits << 8 | static_cast<unsigned char>(c);
  if (bytes.size() == sizeof(std::int32_t)) return static_cast<std::int32_t>(bits);
  return static_cast<std::int64_t>(bits);
}

const char* sql_type(Type type) {
  switch (type) {
    case Type::text:
      return "text";
    case Type::bytea:
      return "bytea";
    case Type::bigint:
      return "bigint";
    case Type::integer:
      return "integer";
  }
  return "?";
}

// "a, b, c" of the first `count` columns.
std::string names(const Table& table, std::size_t count) {
  std::string list;
  for (std::size_t i = 0; i < count; ++i) {
    list.append(i == 0 ? "" : ", ").append(table.columns[i].name);
  }
  return list;
}

// "SELECT ... FROM TABLE [WHERE (keys) > (after)] ORDER BY keys LIMIT n", with the keys of `after`
// as `parameter` gives them.
std::string select(const Table& table, const std::string& from, bool from_start, auto parameter) {
  const std::string keys = names(table, table.keys);
  std::string sql = "SELECT " + names(table, table.columns.size()) + " FROM " + from;
  if (!from_start) {
    sql += " WHERE (" + keys + ") > (";
    for (std::size_t i = 0; i < table.keys; ++i)
      sql.append(i == 0 ? "" : ", ").append(parameter(i));
    sql += ")";
  }
  return sql + " ORDER BY " + keys + " LIMIT " + std::to_string(kRows);
}

class Statement {
 public:
  Statement(sqlite::Connection& db, const std::string& sql) : db_(db) {
    rc_ = sqlite3_prepare_v2(db.handle(), sql.c_str(), -1, &statement_, nullptr);
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  void bind(int index, const Column& column, const std::string& value) {
    if (rc_ != SQLITE_OK) return;
    const int size = static_cast<int>(value.size());
    switch (column.type) {
      case Type::text:
        rc_ = sqlite3_bind_text(statement_, index, value.data(), size, SQLITE_TRANSIENT);
        return;
      case Type::bytea:
        rc_ = sqlite3_bind_blob(statement_, index, value.data(), size, SQLITE_TRANSIENT);
        return;
      case Type::bigint:
      case Type::integer:
        rc_ = sqlite3_bind_int64(statement_, index, decode(value));
        return;
    }
  }
  bool next() {
    if (rc_ == SQLITE_OK || rc_ == SQLITE_ROW) rc_ = sqlite3_step(statement_);
    return rc_ == SQLITE_ROW;
  }
  [[nodiscard]] std::string value(int index, const Column& column) const {
    if (column.type == Type::bigint || column.type == Type::integer) {
      return encode(sqlite3_column_int64(statement_, index),
                    column.type == Type::bigint ? sizeof(std::int64_t) : sizeof(std::int32_t));
    }
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, index));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, index));
    return bytes == nullptr ? std::string() : std::string(bytes, size);
  }
  [[nodiscard]] Result<> result() const {
    if (rc_ == SQLITE_DONE || rc_ == SQLITE_ROW) return {};
    return std::unexpected(db_.error(rc_));
  }

 private:
  sqlite::Connection& db_;
  sqlite3_stmt* statement_ = nullptr;
  int rc_ = SQLITE_OK;
};

void append_size(std::string& out, std::size_t size) {
  out += encode(static_cast<std::int64_t>(size), sizeof(std::int32_t));
}

}  // namespace

std::span<const Table> tables() {
  using enum Type;
  static const std::vector<Table> kTables{
      {"account", {{"host", text}, {"username", text}, {"created_at_us", bigint}}, 2},
      {"credential",
       {{"host", text},
        {"username", text},
        {"mechanism", text},
        {"salt", bytea},
        {"iterations", integer},
        {"stored_key", bytea},
        {"server_key", bytea}},
       3},
      {"map_entry", {{"owner", text}, {"map", text}, {"key", text}, {"value", bytea}}, 3},
      {"log_entry",
       {{"owner", text},
        {"log", text},
        {"id", bigint},
        {"peer", text},
        {"detail", text},
        {"value", bytea}},
       3},
  };
  return kTables;
}

Result<Rows> read(sqlite::Connection& source, const Table& table, const Row& after) {
  Statement statement(source, select(table, table.name, after.empty(),
                                     [](std::size_t i) { return "?" + std::to_string(i + 1); }));
  for (std::size_t i = 0; i < table.keys && !after.empty(); ++i) {
    statement.bind(static_cast<int>(i) + 1, table.columns[i], after[i]);
  }
  Rows rows;
  std::size_t bytes = 0;
  while (bytes < kBytes && statement.next()) {
    Row& row = rows.emplace_back();
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      bytes += row.emplace_back(statement.value(static_cast<int>(i), table.columns[i])).size();
    }
  }
  if (auto good = statement.result(); !good) return std::unexpected(good.error());
  return rows;
}

Result<Rows> read(postgres::Connection& target, const Table& table, const Row& after) {
  postgres::Values keys;
  for (std::size_t i = 0; i < table.keys && !after.empty(); ++i) keys.bytes(after[i]);
  const auto found = target.exec(select(table, std::string("starling.") + table.name, after.empty(),
                                        [&](std::size_t i) {
                                          return "$" + std::to_string(i + 1) +
                                                 "::" + sql_type(table.columns[i].type);
                                        }),
                                 keys);
  if (!found) return std::unexpected(found.error());
  Rows rows(static_cast<std::size_t>(found->count()));
  for (int i = 0; i < found->count(); ++i) {
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      rows[static_cast<std::size_t>(i)].push_back(found->text(i, static_cast<int>(c)));
    }
  }
  return rows;
}

Result<Row> last(postgres::Connection& target, const Table& table) {
  std::string backwards;
  for (std::size_t i = 0; i < table.keys; ++i) {
    backwards.append(i == 0 ? "" : ", ").append(table.columns[i].name).append(" DESC");
  }
  const auto found = target.exec("SELECT " + names(table, table.keys) + " FROM starling." +
                                     table.name + " ORDER BY " + backwards + " LIMIT 1",
                                 {});
  if (!found) return std::unexpected(found.error());
  Row row;
  if (found->count() == 0) return row;
  for (std::size_t i = 0; i < table.keys; ++i) row.push_back(found->text(0, static_cast<int>(i)));
  return row;
}

Result<> write(postgres::Connection& target, const Table& table, const Rows& rows) {
  postgres::Values values;
  std::string arrays;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    std::vector<std::string_view> column;
    column.reserve(rows.size());
    for (const Row& row : rows) column.emplace_back(row[c]);
    const Type type = table.columns[c].type;
    values.array(static_cast<std::uint32_t>(type == Type::text     ? postgres::kTextOid
                                            : type == Type::bytea  ? postgres::kByteaOid
                                            : type == Type::bigint ? postgres::kBigintOid
                                                                   : postgres::kIntegerOid),
                 column);
    arrays += (c == 0 ? "$" : ", $") + std::to_string(c + 1) + "::" + sql_type(type) + "[]";
  }
  auto done =
      target.exec(std::string("INSERT INTO starling.") + table.name + " (" +
                      names(table, table.columns.size()) + ") SELECT * FROM unnest(" + arrays + ")",
                  values);
  if (!done) return std::unexpected(done.error());
  return {};
}

Digest::Digest() : context_(EVP_MD_CTX_new()) {
  EVP_DigestInit_ex(static_cast<EVP_MD_CTX*>(context_), EVP_sha256(), nullptr);
}

Digest::~Digest() {
  EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context_));
}

void Digest::add(const Rows& rows) {
  std::string bytes;
  for (const Row& row : rows) {
    for (const std::string& value : row) {
      append_size(bytes, value.size());
      bytes += value;
    }
  }
  EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(context_), bytes.data(), bytes.size());
  rows_ += rows.size();
}

std::string Digest::sha256() {
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  EVP_DigestFinal_ex(static_cast<EVP_MD_CTX*>(context_),
                     reinterpret_cast<unsigned char*>(digest.data()), &size);
  digest.resize(size);
  return digest;
}

}  // namespace starling::store::migration
