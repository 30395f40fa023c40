#include "store/migrate_tables.h"

#include <openssl/evp.h>

#include <utility>

namespace starling::store::migration {

namespace {

constexpr std::size_t kRows = 2'000;
constexpr std::size_t kBytes = 4 * 1024 * 1024;

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
    for (std::size_t i = 0; i < table.keys; ++i) {
      sql.append(i == 0 ? "" : ", ").append(parameter(i));
    }
    sql += ")";
  }
  return sql + " ORDER BY " + keys + " LIMIT " + std::to_string(kRows);
}

// In PostgreSQL's binary format.
std::string value(const sqlite::Query& row, int index, Type type) {
  if (type == Type::bigint) return postgres::encode(row.integer(index));
  if (type == Type::integer) {
    return postgres::encode(static_cast<std::int32_t>(row.integer(index)));
  }
  return row.text(index);
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
  sqlite::Query query(source, select(table, table.name, after.empty(),
                                     [](std::size_t i) { return "?" + std::to_string(i + 1); }));
  for (std::size_t i = 0; i < table.keys && !after.empty(); ++i) {
    const int index = static_cast<int>(i) + 1;
    if (table.columns[i].type == Type::text) {
      query.bind(index, after[i]);
    } else {
      query.bind(index, postgres::decode(after[i]));
    }
  }
  Rows rows;
  std::size_t bytes = 0;
  while (bytes < kBytes && query.next()) {
    Row& row = rows.emplace_back();
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      row.push_back(value(query, static_cast<int>(i), table.columns[i].type));
      bytes += row.back().size();
    }
  }
  if (auto good = query.result(); !good) return std::unexpected(good.error());
  return rows;
}

Result<Rows> read(postgres::Connection& target, const Table& table, const Row& after) {
  postgres::Values keys;
  for (std::size_t i = 0; i < table.keys && !after.empty(); ++i) keys.encoded(after[i]);
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
    values.array(static_cast<std::uint32_t>(type), column);
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
      bytes += postgres::encode(static_cast<std::int32_t>(value.size()));
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
