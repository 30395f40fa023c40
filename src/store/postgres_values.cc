#include "store/postgres_values.h"

#include <cstdlib>
#include <utility>

namespace starling::store::postgres {

namespace {

template <class T>
void append_number(std::string& out, T value) {
  const auto bits = static_cast<std::uint64_t>(value);
  for (int shift = static_cast<int>(sizeof(T) * 8) - 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(bits >> shift & 0xFF));
  }
}

template <class T>
T read_number(const char* bytes) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    bits = bits << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return static_cast<T>(bits);
}

template <class T>
std::string encode(T value) {
  std::string out;
  append_number(out, value);
  return out;
}

// One dimension, indexed from 1.
template <class T, class Element>
std::string encode_array(std::uint32_t oid, const std::vector<T>& values, Element element) {
  std::string out;
  append_number(out, std::int32_t{values.empty() ? 0 : 1});  // dimensions
  append_number(out, std::int32_t{0});                       // no NULLs
  append_number(out, oid);
  if (values.empty()) return out;
  append_number(out, static_cast<std::int32_t>(values.size()));
  append_number(out, std::int32_t{1});
  for (const T& value : values) {
    const auto bytes = element(value);
    append_number(out, static_cast<std::int32_t>(bytes.size()));
    out.append(bytes);
  }
  return out;
}

constexpr auto kAsItIs = [](std::string_view value) { return value; };

}  // namespace

Values& Values::add(std::string bytes) {
  bytes_ += bytes.size();
  values_.push_back({std::move(bytes)});
  return *this;
}

Values& Values::text(const std::string* value) {
  if (value != nullptr) return add(*value);
  values_.push_back({{}, true});
  return *this;
}

Values& Values::bigint(std::int64_t value) {
  return add(encode(value));
}

Values& Values::integer(std::int32_t value) {
  return add(encode(value));
}

Values& Values::texts(const std::vector<std::string_view>& values) {
  return add(encode_array(kTextOid, values, kAsItIs));
}

Values& Values::byteas(const std::vector<std::string_view>& values) {
  return add(encode_array(kByteaOid, values, kAsItIs));
}

Values& Values::bigints(const std::vector<std::int64_t>& values) {
  return add(encode_array(kBigintOid, values, encode<std::int64_t>));
}

Values& Values::integers(const std::vector<std::int32_t>& values) {
  return add(encode_array(kIntegerOid, values, encode<std::int32_t>));
}

Values& Values::array(std::uint32_t oid, const std::vector<std::string_view>& values) {
  return add(encode_array(oid, values, kAsItIs));
}

Values::Raw Values::raw() const {
  Raw raw;
  for (const Value& value : values_) {
    raw.values.push_back(value.null ? nullptr : value.bytes.data());
    raw.lengths.push_back(static_cast<int>(value.bytes.size()));
    raw.formats.push_back(1);
  }
  return raw;
}

std::uint64_t Rows::changed() const {
  return std::strtoull(PQcmdTuples(result_.get()), nullptr, 10);
}

std::string Rows::text(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column),
          static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

std::int64_t Rows::bigint(int row, int column) const {
  return read_number<std::int64_t>(PQgetvalue(result_.get(), row, column));
}

std::int32_t Rows::integer(int row, int column) const {
  return read_number<std::int32_t>(PQgetvalue(result_.get(), row, column));
}

bool Rows::boolean(int row, int column) const {
  return *PQgetvalue(result_.get(), row, column) != 0;
}

}  // namespace starling::store::postgres
