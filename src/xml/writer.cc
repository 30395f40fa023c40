#include "xml/writer.h"

#include <cassert>
#include <utility>

#include "xml/chars.h"

namespace starling::xml {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

std::string_view escape_of(char c, bool in_value) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&apos;";
    case '\r':
      return "&#13;";
    case '\n':
      return in_value ? "&#10;" : "\n";
    case '\t':
      return in_value ? "&#9;" : "\t";
    default:
      return static_cast<unsigned char>(c) < ' ' ? kReplacement : std::string_view();
  }
}

void escape(std::string& out, std::string_view value, bool in_value) {
  const char* p = value.data();
  const char* const end = p + value.size();
  const char* done = p;  // what is before it is in `out`
  for (;;) {
    while (p != end && (class_of(*p) & kUnwritable) == 0) ++p;
    if (p == end) break;
    std::string_view written;
    if (is_ascii(*p)) {
      written = escape_of(*p, in_value);
    } else {
      const Utf8Char c = read_utf8(p, end);
      if (c.length > 0) {
        p += c.length;
        continue;
      }
      written = kReplacement;
    }
    if (!written.empty()) {
      out.append(done, p);
      out += written;
      done = p + 1;
    }
    ++p;
  }
  out.append(done, end);
}

}  // namespace

void append_escaped(std::string& out, std::string_view value) {
  escape(out, value, false);
}
void append_escaped_value(std::string& out, std::string_view value) {
  escape(out, value, true);
}

Writer& Writer::open(std::string_view name) {
  finish_start_tag();
  out_ += '<';
  open_.push_back(
      {static_cast<std::uint32_t>(out_.size()), static_cast<std::uint32_t>(name.size())});
  out_ += name;
  in_start_tag_ = true;
  return *this;
}

Writer& Writer::open(std::string_view name, std::string_view ns) {
  return open(name).attribute("xmlns", ns);
}

Writer& Writer::attribute(std::string_view name, std::string_view value) {
  assert(in_start_tag_ && "attributes follow open() at once");
  out_ += ' ';
  out_ += name;
  out_ += "='";
  append_escaped_value(out_, value);
  out_ += '\'';
  return *this;
}

Writer& Writer::attribute_if(std::string_view name, std::string_view value) {
  return value.empty() ? *this : attribute(name, value);
}

Writer& Writer::text(std::string_view value) {
  if (value.empty()) return *this;
  finish_start_tag();
  append_escaped(out_, value);
  return *this;
}

Writer& Writer::raw(std::string_view xml) {
  if (xml.empty()) return *this;
  finish_start_tag();
  out_ += xml;
  return *this;
}

Writer& Writer::close() {
  assert(!open_.empty() && "close() without open()");
  const Name name = open_.back();
  open_.pop_back();
  if (in_start_tag_) {
    out_ += "/>";
    in_start_tag_ = false;
    return *this;
  }
  out_ += "</";
  out_.append(out_, name.offset, name.length);
  out_ += '>';
  return *this;
}

Writer& Writer::element(std::string_view name, std::string_view ns, std::string_view text_value) {
  ns.empty() ? open(name) : open(name, ns);
  return text(text_value).close();
}

std::string Writer::take() && {
  assert(open_.empty() && "an element is still open");
  return std::move(out_);
}

void Writer::finish_start_tag() {
  if (!in_start_tag_) return;
  out_ += '>';
  in_start_tag_ = false;
}

}  // namespace starling::xml
