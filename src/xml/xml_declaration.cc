#include "xml/xml_declaration.h"

#include <algorithm>
#include <optional>

#include "xml/chars.h"

namespace starling::xml {
namespace {

bool skip_space(std::string_view& text) {
  const auto* p = std::ranges::find_if_not(text, is_space);
  const bool skipped = p != text.begin();
  text.remove_prefix(static_cast<std::size_t>(p - text.begin()));
  return skipped;
}

// [S] '=' [S] quoted
std::optional<std::string_view> read_value(std::string_view& text) {
  skip_space(text);
  if (!text.starts_with('=')) return std::nullopt;
  text.remove_prefix(1);
  skip_space(text);
  if (!text.starts_with('"') && !text.starts_with('\'')) return std::nullopt;
  const std::size_t end = text.find(text.front(), 1);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view value = text.substr(1, end - 1);
  text.remove_prefix(end + 1);
  return value;
}

// S name [S] '=' [S] quoted, if it is there; nullopt if it is there and wrong; empty if not there.
std::optional<std::string_view> read_part(std::string_view& text, std::string_view name) {
  std::string_view rest = text;
  if (!skip_space(rest) || !rest.starts_with(name)) return "";
  rest.remove_prefix(name.size());
  text = rest;
  const auto value = read_value(text);
  return value.has_value() && value->empty() ? std::nullopt : value;
}

bool is_encoding_name(std::string_view name) {
  return (class_of(name.front()) & kNameStart) != 0 && name.front() != '_' &&
         std::ranges::all_of(name, [](char c) { return (class_of(c) & kNameChar) != 0; });
}

bool is_utf8(std::string_view name) {
  constexpr std::string_view kLower = "utf-8";
  constexpr std::string_view kUpper = "UTF-8";
  if (name.size() != kLower.size()) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] != kLower[i] && name[i] != kUpper[i]) return false;
  }
  return true;
}

}  // namespace

ScanError check_xml_declaration(std::string_view text) {
  text.remove_prefix(5);  // <?xml
  text.remove_suffix(2);  // ?>
  const auto version = read_part(text, "version");
  if (version != "1.0") return ScanError::not_well_formed;
  const auto encoding = read_part(text, "encoding");
  if (!encoding) return ScanError::not_well_formed;
  const auto standalone = read_part(text, "standalone");
  if (!standalone) return ScanError::not_well_formed;
  if (!standalone->empty() && *standalone != "yes" && *standalone != "no") {
    return ScanError::not_well_formed;
  }
  skip_space(text);
  if (!text.empty()) return ScanError::not_well_formed;
  if (encoding->empty() || is_utf8(*encoding)) return ScanError::none;
  return is_encoding_name(*encoding) ? ScanError::unsupported_encoding : ScanError::not_well_formed;
}

}  // namespace starling::xml
