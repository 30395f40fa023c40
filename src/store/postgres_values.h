// What goes to PostgreSQL with a statement and what comes back, all in its binary format: nothing
// is quoted, nothing is parsed, and values may be any bytes.
#pragma once

#include <libpq-fe.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace starling::store::postgres {

// Types of PostgreSQL's catalogue (pg_type.dat): fixed for ever.
inline constexpr std::uint32_t kByteaOid = 17;
inline constexpr std::uint32_t kBigintOid = 20;
inline constexpr std::uint32_t kIntegerOid = 23;
inline constexpr std::uint32_t kTextOid = 25;

// A number in that format; and back: of 4 or of 8 bytes.
[[nodiscard]] std::string encode(std::int32_t value);
[[nodiscard]] std::string encode(std::int64_t value);
[[nodiscard]] std::int64_t decode(std::string_view bytes);

// The parameters of one statement, in their order. Each must have the type that the statement's
// text gives it ($1::bigint).
class Values {
 public:
  Values& text(std::string_view value) { return encoded(value); }
  Values& bigint(std::int64_t value) { return encoded(encode(value)); }
  Values& bigint(std::uint64_t value) { return bigint(static_cast<std::int64_t>(value)); }
  // Of any type, in its binary format.
  Values& encoded(std::string_view value);
  // Arrays, without NULLs.
  Values& texts(const std::vector<std::string_view>& values);
  Values& byteas(const std::vector<std::string_view>& values);
  Values& bigints(const std::vector<std::int64_t>& values);
  Values& integers(const std::vector<std::int32_t>& values);
  // Of any type, each value in its binary format.
  Values& array(std::uint32_t oid, const std::vector<std::string_view>& values);

  [[nodiscard]] int count() const { return static_cast<int>(values_.size()); }
  [[nodiscard]] std::size_t size() const { return bytes_; }
  // As PQsendQueryPrepared takes them; good until this is changed or gone.
  struct Raw {
    std::vector<const char*> values;
    std::vector<int> lengths;
    std::vector<int> formats;
  };
  [[nodiscard]] Raw raw() const;

 private:
  std::vector<std::string> values_;
  std::size_t bytes_ = 0;
};

// The rows that a statement gave.
class Rows {
 public:
  explicit Rows(PGresult* result) : result_(result) {}

  [[nodiscard]] int count() const { return PQntuples(result_.get()); }
  // Of a statement that changes and gives no rows.
  [[nodiscard]] std::uint64_t changed() const;
  [[nodiscard]] bool is_null(int row, int column) const {
    return PQgetisnull(result_.get(), row, column) != 0;
  }
  [[nodiscard]] std::string text(int row, int column) const {
    return std::string(value(row, column));
  }
  // Of a number of either size.
  [[nodiscard]] std::int64_t number(int row, int column) const;

 private:
  [[nodiscard]] std::string_view value(int row, int column) const;

  struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
  };
  std::unique_ptr<PGresult, Clear> result_;
};

}  // namespace starling::store::postgres
