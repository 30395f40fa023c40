// The tables of both engines as one: what a migration copies and compares, row by row in the order
// of their keys. For migrate_store.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/postgres_connection.h"
#include "store/sqlite_db.h"

namespace starling::store::migration {

// Of a column; by its number in PostgreSQL's catalogue.
enum class Type : std::uint32_t {
  text = postgres::kTextOid,
  bytea = postgres::kByteaOid,
  bigint = postgres::kBigintOid,
  integer = postgres::kIntegerOid,
};

struct Column {
  const char* name;
  Type type;
};

struct Table {
  const char* name;
  std::vector<Column> columns;  // the keys first
  std::size_t keys;
};

// In this order: an account before its credentials.
[[nodiscard]] std::span<const Table> tables();

// Values in PostgreSQL's binary format, which is the same for a row wherever it was read.
using Row = std::vector<std::string>;
using Rows = std::vector<Row>;

// The next rows after the one with `after`'s keys, or from the first one (""): some thousands,
// fewer if they are large; none at the end.
[[nodiscard]] Result<Rows> read(sqlite::Connection& source, const Table& table, const Row& after);
[[nodiscard]] Result<Rows> read(postgres::Connection& target, const Table& table, const Row& after);
// The row with the greatest key, for its keys; empty if there is none.
[[nodiscard]] Result<Row> last(postgres::Connection& target, const Table& table);
// Adds rows, in a transaction of its own.
[[nodiscard]] Result<> write(postgres::Connection& target, const Table& table, const Rows& rows);

// Of all rows, in their order.
class Digest {
 public:
  Digest();
  ~Digest();
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;
  void add(const Rows& rows);
  [[nodiscard]] std::uint64_t rows() const { return rows_; }
  [[nodiscard]] std::string sha256();  // once

 private:
  void* context_;  // EVP_MD_CTX
  std::uint64_t rows_ = 0;
};

}  // namespace starling::store::migration
