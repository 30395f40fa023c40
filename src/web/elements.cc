#include "web/elements.h"

#include <cstddef>

#include "xml/writer.h"

namespace starling::web {

namespace {

constexpr std::string_view kSpace = " \t\r\n";
constexpr auto kNone = std::string_view::npos;

// Behind the next `what` from `at` on.
std::size_t behind(std::string_view text, std::string_view what, std::size_t at) {
  const auto found = text.find(what, at);
  return found == kNone ? kNone : found + what.size();
}

// Behind the '>' of the start tag that begins at `at`.
std::size_t start_tag_end(std::string_view text, std::size_t at) {
  for (;;) {
    at = text.find_first_of("'\">", at);
    if (at == kNone) return kNone;
    if (text[at] == '>') return at + 1;
    at = behind(text, text.substr(at, 1), at + 1);
    if (at == kNone) return kNone;
  }
}

// Behind the element that begins `text`.
std::size_t element_end(std::string_view text) {
  std::size_t depth = 0;
  std::size_t at = 0;
  do {
    at = text.find('<', at);
    if (at == kNone) return kNone;
    const std::string_view rest = text.substr(at);
    if (rest.starts_with("<![CDATA[")) {
      at = behind(text, "]]>", at);
    } else if (rest.starts_with("</")) {
      at = behind(text, ">", at);
      --depth;
    } else {
      at = start_tag_end(text, at);
      if (at != kNone && text[at - 2] != '/') ++depth;
    }
    if (at == kNone) return kNone;
  } while (depth > 0);
  return at;
}

Piece cut(Piece::Kind kind, std::string_view& text, std::size_t size) {
  if (size == kNone) return {};
  const Piece piece{kind, text.substr(0, size)};
  text.remove_prefix(size);
  return piece;
}

}  // namespace

Piece next_piece(std::string_view& text) {
  const auto begin = text.find_first_not_of(kSpace);
  text.remove_prefix(begin == kNone ? text.size() : begin);
  if (!text.starts_with('<')) return {};
  if (text.starts_with("<?")) {  // the XML declaration
    const std::size_t end = behind(text, "?>", 0);
    if (end == kNone) return {};
    text.remove_prefix(end);
    return next_piece(text);
  }
  if (text.starts_with("</")) return cut(Piece::Kind::end, text, behind(text, ">", 0));
  if (tag_name(text) == "stream:stream") {
    return cut(Piece::Kind::header, text, start_tag_end(text, 0));
  }
  return cut(Piece::Kind::element, text, element_end(text));
}

std::string_view tag_name(std::string_view element) {
  const auto end = element.find_first_of(" \t\r\n/>", 1);
  return element.empty() ? element : element.substr(1, end == kNone ? kNone : end - 1);
}

std::string_view raw_attribute(std::string_view element, std::string_view name) {
  std::string_view rest = element.substr(0, start_tag_end(element, 0));
  rest.remove_prefix(tag_name(element).size() + 1);
  for (;;) {
    const auto begin = rest.find_first_not_of(kSpace);
    const auto equals = rest.find('=', begin);
    if (begin == kNone || equals == kNone) return {};
    const std::string_view found =
        rest.substr(begin, rest.find_first_of(" \t\r\n=", begin) - begin);
    const auto quote = rest.find_first_of("'\"", equals);
    if (quote == kNone) return {};
    const auto end = rest.find(rest[quote], quote + 1);
    if (end == kNone) return {};
    if (found == name) return rest.substr(quote + 1, end - quote - 1);
    rest.remove_prefix(end + 1);
  }
}

std::string standing_alone(std::string_view element) {
  const std::string_view name = tag_name(element);
  std::string_view declaration;
  if (name.starts_with("stream:")) {
    declaration = " xmlns:stream='http://etherx.jabber.org/streams'";
  } else if (raw_attribute(element, "xmlns").empty()) {
    declaration = " xmlns='jabber:client'";
  }
  std::string text;
  text.reserve(element.size() + declaration.size());
  text += element.substr(0, 1 + name.size());
  text += declaration;
  text += element.substr(1 + name.size());
  return text;
}

std::string stream_header(std::string_view to, std::string_view from, std::string_view version,
                          std::string_view lang) {
  std::string header =
      "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'";
  const auto add = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    header += ' ';
    header += name;
    header += "='";
    xml::append_escaped_value(header, value);
    header += '\'';
  };
  add("to", to);
  add("from", from);
  add("version", version);
  add("xml:lang", lang);
  return header + ">";
}

}  // namespace starling::web
