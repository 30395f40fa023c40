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

std::string encode(std::int32_t value) {
  std::string out;
  append_number(out, value);
  return out;
}

std::string encode(std::int64_t value) {
  std::string out;
  append_number(out, value);
  return out;
}

std::int64_t decode(std::string_view bytes) {
  std::uint64_t bits = 0;
  for (const char byte : bytes) bits = bits << 8 | static_cast<unsigned char>(byte);
  if (bytes.size() == sizeof(std::int32_t)) return static_cast<std::int32_t>(bits);
  return static_cast<std::int64_t>(bits);
}

Values& Values::encoded(std::string_view value) {
  bytes_ += value.size();
  values_.emplace_back(value);
  return *this;
}

Values& Values::texts(const std::vector<std::string_view>& values) {
  return encoded(encode_array(kTextOid, values, kAsItIs));
}

Values& Values::byteas(const std::vector<std::string_view>& values) {
  return encoded(encode_array(kByteaOid, values, kAsItIs));
}

Values& Values::bigints(const std::vector<std::int64_t>& values) {
  return encoded(
      encode_array(kBigintOid, values, [](std::int64_t value) { return encode(value); }));
}

Values& Values::integers(const std::vector<std::int32_t>& values) {
  return encoded(
      encode_array(kIntegerOid, values, [](std::int32_t value) { return encode(value); }));
}

Values& Values::array(std::uint32_t oid, const std::vector<std::string_view>& values) {
  return encoded(encode_array(oid, values, kAsItIs));
}

Values::Raw Values::raw() const {
  Raw raw;
  for (const std::string& value : values_) {
    raw.values.push_back(value.data());
    raw.lengths.push_back(static_cast<int>(value.size()));
    raw.formats.push_back(1);
  }
  return raw;
}

std::uint64_t Rows::changed() const {
  return std::strtoull(PQcmdTuples(result_.get()), nullptr, 10);
}

std::string_view Rows::value(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column),
          static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

std::int64_t Rows::number(int row, int column) const {
  return decode(value(row, column));
}

}  // namespace starling::store::postgres
