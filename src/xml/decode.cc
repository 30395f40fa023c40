#include "xml/decode.h"

#include "xml/chars.h"

namespace starling::xml {
namespace {

constexpr std::string_view kCdataOpen = "<![CDATA[";
constexpr std::string_view kCdataClose = "]]>";

char32_t character_reference(std::string_view digits) {
  const bool hex = digits.front() == 'x';
  char32_t code = 0;
  for (char c : digits.substr(hex ? 1 : 0)) {
    const char32_t digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
    code = code * (hex ? 16 : 10) + digit;
  }
  return code;
}

// `raw` begins with '&'. Returns the length of the reference.
std::size_t append_reference(std::string& out, std::string_view raw) {
  const std::size_t semicolon = raw.find(';');
  const std::string_view name = raw.substr(1, semicolon - 1);
  switch (name.front()) {
    case '#':
      append_utf8(out, character_reference(name.substr(1)));
      break;
    case 'l':
      out += '<';
      break;
    case 'g':
      out += '>';
      break;
    case 'q':
      out += '"';
      break;
    default:
      out += name == "amp" ? '&' : '\'';
  }
  return semicolon + 1;
}

void append_lines(std::string& out, std::string_view raw) {
  for (;;) {
    const std::size_t cr = raw.find('\r');
    out += raw.substr(0, cr);
    if (cr == std::string_view::npos) return;
    out += '\n';
    raw.remove_prefix(cr + 1);
    if (raw.starts_with('\n')) raw.remove_prefix(1);
  }
}

}  // namespace

void append_decoded_text(std::string& out, std::string_view raw) {
  for (;;) {
    const std::size_t special = raw.find_first_of("&<\r");
    out += raw.substr(0, special);
    if (special == std::string_view::npos) return;
    raw.remove_prefix(special);
    if (raw.front() == '&') {
      raw.remove_prefix(append_reference(out, raw));
    } else if (raw.front() == '<') {
      raw.remove_prefix(kCdataOpen.size());
      const std::size_t close = raw.find(kCdataClose);
      append_lines(out, raw.substr(0, close));
      raw.remove_prefix(close + kCdataClose.size());
    } else {
      out += '\n';
      raw.remove_prefix(raw.substr(1).starts_with('\n') ? 2 : 1);
    }
  }
}

void append_decoded_value(std::string& out, std::string_view raw) {
  for (;;) {
    const std::size_t special = raw.find_first_of("&\t\n\r");
    out += raw.substr(0, special);
    if (special == std::string_view::npos) return;
    raw.remove_prefix(special);
    if (raw.front() == '&') {
      raw.remove_prefix(append_reference(out, raw));
    } else {
      out += ' ';
      raw.remove_prefix(raw.starts_with("\r\n") ? 2 : 1);
    }
  }
}

}  // namespace starling::xml
