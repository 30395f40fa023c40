#include "xml/element_scanner.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "xml/chars.h"

namespace starling::xml {
namespace {

constexpr std::string_view kCdataOpen = "[CDATA[";

}  // namespace

ScanError error_of_bang(char next) {
  const bool markup = next == '-' || (class_of(next) & kNameStart) != 0;
  return markup ? ScanError::restricted_xml : ScanError::not_well_formed;
}

ElementScanner::Status ElementScanner::run(std::string_view bytes, const Context& context) {
  const std::size_t limit =
      extent_ == Extent::element ? limits_->max_stanza_bytes : kMaxStreamHeaderBytes;
  base_ = bytes.data();
  p_ = base_ + pos_;
  end_ = base_ + std::min(bytes.size(), limit);
  context_ = &context;
  Status status;
  do {
    status = step();
  } while (status == Status::proceed);
  pos_ = offset_of(p_);
  if (status == Status::need_more && bytes.size() >= limit) return fail(ScanError::too_large);
  return status;
}

ElementScanner::Status ElementScanner::step() {
  if (p_ >= end_) return Status::need_more;
  switch (state_) {
    case State::angle:
      return after_angle();
    case State::bang:
      return after_bang();
    case State::tag_name:
      return read_tag_name();
    case State::tag:
      return read_tag();
    case State::empty_tag:
      return read_empty_tag();
    case State::end_name:
      return read_end_name();
    case State::end_tag:
      return read_end_tag();
    case State::attribute_name:
      return read_attribute_name();
    case State::equals:
      return read_equals();
    case State::quote:
      return read_quote();
    case State::value:
      return read_value();
    case State::text:
      return read_text();
    case State::cdata:
      return read_cdata();
    case State::reference:
      return read_reference();
    case State::decimal:
    case State::hexadecimal:
      return read_number();
  }
  return fail(ScanError::not_well_formed);
}

ElementScanner::Status ElementScanner::after_angle() {
  const char c = *p_;
  if ((class_of(c) & kNameStart) != 0 || !is_ascii(c)) return begin_element();
  if (c == '?') return fail(ScanError::restricted_xml);
  if (current_ == kNoRow) return fail(ScanError::not_well_formed);
  ++p_;
  token_ = offset_of(p_);
  if (c == '/') {
    state_ = State::end_name;
    return read_end_name();
  }
  if (c == '!') {
    state_ = State::bang;
    return Status::proceed;
  }
  return fail(ScanError::not_well_formed);
}

ElementScanner::Status ElementScanner::after_bang() {
  for (; p_ != end_; ++p_) {
    const std::uint32_t matched = offset_of(p_) - token_;
    if (*p_ != kCdataOpen[matched]) {
      return fail(matched == 0 ? error_of_bang(*p_) : ScanError::not_well_formed);
    }
    if (matched + 1 == kCdataOpen.size()) {
      ++p_;
      state_ = State::cdata;
      return Status::proceed;
    }
  }
  return Status::need_more;
}

ElementScanner::Status ElementScanner::read_tag_name() {
  ElementRow& row = rows_.back();
  const Status status = read_name(row.prefix_length, row.local_length);
  if (status != Status::proceed) return status;
  state_ = State::tag;
  return read_tag();
}

ElementScanner::Status ElementScanner::read_tag() {
  if (skip_space()) space_seen_ = true;
  if (p_ == end_) return Status::need_more;
  if (*p_ == '>') {
    ++p_;
    return finish_start_tag(false);
  }
  if (*p_ == '/') {
    ++p_;
    state_ = State::empty_tag;
    return Status::proceed;
  }
  if (!space_seen_) return fail(ScanError::not_well_formed);
  if (attributes_.size() >= limits_->max_attributes) return fail(ScanError::too_many_attributes);
  token_ = offset_of(p_);
  colon_ = 0;
  attributes_.push_back({.name = token_});
  state_ = State::attribute_name;
  return read_attribute_name();
}

ElementScanner::Status ElementScanner::read_empty_tag() {
  if (*p_ != '>') return fail(ScanError::not_well_formed);
  ++p_;
  return finish_start_tag(true);
}

ElementScanner::Status ElementScanner::read_end_name() {
  const ElementRow& row = rows_[current_];
  const std::uint32_t length =
      row.prefix_length + (row.prefix_length != 0 ? 1 : 0) + row.local_length;
  const char* name = base_ + row.begin + 1;
  const std::uint32_t matched = offset_of(p_) - token_;
  const std::uint32_t here = std::min(length - matched, static_cast<std::uint32_t>(end_ - p_));
  if (std::memcmp(p_, name + matched, here) != 0) return fail(ScanError::not_well_formed);
  p_ += here;
  if (matched + here < length) return Status::need_more;
  state_ = State::end_tag;
  return read_end_tag();
}

ElementScanner::Status ElementScanner::read_end_tag() {
  skip_space();
  if (p_ == end_) return Status::need_more;
  if (*p_ != '>') return fail(ScanError::not_well_formed);
  ++p_;
  return finish_element(token_ - 2);
}

ElementScanner::Status ElementScanner::read_attribute_name() {
  OpenAttribute& attribute = attributes_.back();
  const Status status = read_name(attribute.prefix_length, attribute.local_length);
  if (status != Status::proceed) return status;
  state_ = State::equals;
  return read_equals();
}

ElementScanner::Status ElementScanner::read_equals() {
  skip_space();
  if (p_ == end_) return Status::need_more;
  if (*p_ != '=') return fail(ScanError::not_well_formed);
  ++p_;
  state_ = State::quote;
  return read_quote();
}

ElementScanner::Status ElementScanner::read_quote() {
  skip_space();
  if (p_ == end_) return Status::need_more;
  if (*p_ != '"' && *p_ != '\'') return fail(ScanError::not_well_formed);
  quote_ = *p_++;
  token_ = offset_of(p_);
  raw_differs_ = false;
  state_ = State::value;
  return read_value();
}

ElementScanner::Status ElementScanner::read_value() {
  for (;;) {
    p_ = skip_plain(p_, end_, '<', '&', quote_);
    if (p_ == end_) return Status::need_more;
    if (*p_ == quote_) return finish_value();
    if (*p_ == '<') return fail(ScanError::not_well_formed);
    const Status status = read_special();
    if (status != Status::proceed || state_ == State::reference) return status;
  }
}

ElementScanner::Status ElementScanner::read_text() {
  for (;;) {
    p_ = skip_plain(p_, end_, '<', '&', '>');
    if (p_ == end_) return Status::need_more;
    if (*p_ == '<') {
      ++p_;
      state_ = State::angle;
      return p_ == end_ ? Status::need_more : after_angle();
    }
    if (*p_ == '>') {
      // Text begins after '>' or ';', so what lies before p_ and is ']' is text as well.
      if (p_[-1] == ']' && p_[-2] == ']') return fail(ScanError::not_well_formed);
      ++p_;
      continue;
    }
    const Status status = read_special();
    if (status != Status::proceed || state_ == State::reference) return status;
  }
}

ElementScanner::Status ElementScanner::read_cdata() {
  for (;;) {
    p_ = skip_plain(p_, end_, '>', '>', '>');
    if (p_ == end_) return Status::need_more;
    if (*p_ == '>') {
      ++p_;
      if (p_[-2] == ']' && p_[-3] == ']') {
        state_ = State::text;
        return Status::proceed;
      }
      continue;
    }
    const Status status = read_special();
    if (status != Status::proceed) return status;
  }
}

ElementScanner::Status ElementScanner::read_special() {
  const char c = *p_;
  if (!is_ascii(c)) return read_beyond_ascii();
  if (c == '&') {
    ++p_;
    reference_in_ = state_;
    state_ = State::reference;
    raw_differs_ = true;
    return Status::proceed;
  }
  if (!is_space(c)) return fail(ScanError::not_well_formed);
  raw_differs_ = true;
  ++p_;
  return Status::proceed;
}

ElementScanner::Status ElementScanner::read_beyond_ascii() {
  do {
    const Utf8Char c = read_utf8(p_, end_);
    if (c.length == Utf8Char::kIncomplete) return Status::need_more;
    if (c.length == Utf8Char::kMalformed) return fail(ScanError::bad_encoding);
    if (c.length == Utf8Char::kForbidden) return fail(ScanError::not_well_formed);
    p_ += c.length;
  } while (p_ != end_ && !is_ascii(*p_));
  return Status::proceed;
}

ElementScanner::Status ElementScanner::read_reference() {
  if (*p_ == '#') {
    if (end_ - p_ < 2) return Status::need_more;
    const bool hex = p_[1] == 'x';
    p_ += hex ? 2 : 1;
    code_ = 0;
    has_digits_ = false;
    state_ = hex ? State::hexadecimal : State::decimal;
    return Status::proceed;
  }
  // p_ stays after '&' until the name is complete: it has at most four letters.
  const char* p = p_;
  for (; p != end_; ++p) {
    if (*p == ';') break;
    const std::uint8_t wanted = p == p_ ? kNameStart : kNameChar;
    const bool name = (class_of(*p) & wanted) != 0 || !is_ascii(*p);
    if (!name) return fail(ScanError::not_well_formed);
    if (!is_ascii(*p) || p - p_ == 4) return fail(ScanError::restricted_xml);
  }
  if (p == end_) return Status::need_more;
  const std::string_view name(p_, static_cast<std::size_t>(p - p_));
  if (name.empty()) return fail(ScanError::not_well_formed);
  if (name != "amp" && name != "lt" && name != "gt" && name != "quot" && name != "apos") {
    return fail(ScanError::restricted_xml);
  }
  p_ = p + 1;
  state_ = reference_in_;
  return Status::proceed;
}

ElementScanner::Status ElementScanner::read_number() {
  const std::uint32_t radix = state_ == State::hexadecimal ? 16 : 10;
  for (; p_ != end_; ++p_) {
    if (*p_ == ';') {
      if (!has_digits_ || !is_xml_char(code_)) return fail(ScanError::not_well_formed);
      ++p_;
      state_ = reference_in_;
      return Status::proceed;
    }
    std::uint32_t digit = static_cast<std::uint8_t>(*p_) - std::uint32_t{'0'};
    const std::uint32_t letter = (static_cast<std::uint8_t>(*p_) | 0x20U) - std::uint32_t{'a'};
    if (radix == 16 && letter < 6) digit = letter + 10;
    if (digit > 9 && !(radix == 16 && letter < 6)) return fail(ScanError::not_well_formed);
    has_digits_ = true;
    code_ = std::min(code_ * radix + digit, 0x110000U);
  }
  return Status::need_more;
}

ElementScanner::Status ElementScanner::read_name(std::uint16_t& prefix_length,
                                                 std::uint16_t& local_length) {
  const Status status = read_name_rest();
  if (status != Status::proceed) return status;
  const std::uint32_t end = offset_of(p_);
  if (end == token_ || colon_ + 1 == end) return fail(ScanError::not_well_formed);
  if (end - token_ > 0xFFFF) return fail(ScanError::too_large);
  prefix_length = static_cast<std::uint16_t>(colon_ == 0 ? 0 : colon_ - token_);
  local_length = static_cast<std::uint16_t>(colon_ == 0 ? end - token_ : end - colon_ - 1);
  space_seen_ = false;
  return Status::proceed;
}

// Reads up to the first byte that cannot belong to a qualified name (Namespaces in XML, section 4).
ElementScanner::Status ElementScanner::read_name_rest() {
  for (; p_ != end_; ++p_) {
    const char* p = p_;  // in a register
    while (p != end_ && (class_of(*p) & kNameStart) != 0) ++p;
    p_ = p;
    if (p == end_) break;
    const std::uint8_t c = class_of(*p);
    const std::uint32_t here = offset_of(p_);
    const bool at_start = here == token_ || (colon_ != 0 && here == colon_ + 1);
    if ((c & kNameChar) != 0) {
      if (at_start) return fail(ScanError::not_well_formed);
    } else if (*p_ == ':') {
      if (at_start || colon_ != 0) return fail(ScanError::not_well_formed);
      colon_ = here;
    } else if (!is_ascii(*p_)) {
      const Utf8Char wide = read_utf8(p_, end_);
      if (wide.length == Utf8Char::kIncomplete) return Status::need_more;
      if (wide.length == Utf8Char::kMalformed) return fail(ScanError::bad_encoding);
      if (wide.length == Utf8Char::kForbidden) return fail(ScanError::not_well_formed);
      if (!(at_start ? is_name_start(wide.code) : is_name_char(wide.code))) {
        return fail(ScanError::not_well_formed);
      }
      p_ += wide.length - 1;
    } else {
      return Status::proceed;
    }
  }
  return Status::need_more;
}

bool ElementScanner::skip_space() {
  const char* p = p_;
  while (p != end_ && is_space(*p)) ++p;
  return std::exchange(p_, p) != p;
}

}  // namespace starling::xml
