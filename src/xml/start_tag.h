// StartTag: walks the attributes of a start tag that the scanner has found well-formed.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "xml/chars.h"

namespace starling::xml {

class StartTag {
 public:
  // `p` is just after the tag's name; the tag ends with '>' or '/>'.
  explicit StartTag(const char* p) : p_(p) {}

  // Goes to the next attribute, xmlns declarations included; false at the end of the tag.
  bool next() {
    while (is_space(*p_)) ++p_;
    if (*p_ == '>' || *p_ == '/') return false;
    const char* begin = p_;
    while (*p_ != '=' && !is_space(*p_)) ++p_;
    name_ = {begin, static_cast<std::size_t>(p_ - begin)};
    while (*p_ != '"' && *p_ != '\'') ++p_;
    const char* value = p_ + 1;
    while (*++p_ != value[-1]) {
    }
    raw_value_ = {value, static_cast<std::size_t>(p_ - value)};
    ++p_;
    return true;
  }

  // As written, prefix included.
  [[nodiscard]] std::string_view name() const { return name_; }
  [[nodiscard]] std::string_view raw_value() const { return raw_value_; }
  [[nodiscard]] char quote() const { return raw_value_.data()[-1]; }
  [[nodiscard]] bool is_declaration() const {
    return name_.starts_with("xmlns") && (name_.size() == 5 || name_[5] == ':');
  }

 private:
  const char* p_;
  std::string_view name_;
  std::string_view raw_value_;
};

}  // namespace starling::xml
