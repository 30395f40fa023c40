// Writer: builds XML text, escaping what needs it.
//
//   Writer w;
//   w.open("iq").attribute("type", "result").attribute("id", id);
//   w.open("query", "jabber:iq:roster").close();
//   w.close();
//   std::string text = std::move(w).take();
//
// open() starts an element; attributes must follow it at once. Names are the caller's literals and
// are not checked; values and text may be anything: they are escaped, and what cannot stand in XML
// (control characters, bytes that are not UTF-8) becomes U+FFFD. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace starling::xml {

// Appends `value` with & < > " ' and CR escaped: safe in text and in attribute values. In attribute
// values, tabs and line feeds would be read back as spaces: append_escaped_value keeps them.
void append_escaped(std::string& out, std::string_view value);
void append_escaped_value(std::string& out, std::string_view value);

class Writer {
 public:
  Writer& open(std::string_view name);
  Writer& open(std::string_view name, std::string_view ns);  // with an xmlns declaration
  Writer& attribute(std::string_view name, std::string_view value);
  // The attribute only if `value` is not empty.
  Writer& attribute_if(std::string_view name, std::string_view value);
  Writer& text(std::string_view value);
  Writer& raw(std::string_view xml);  // already well-formed content
  Writer& close();                    // the innermost open element
  // <name xmlns='ns'>text</name> and <name>text</name>
  Writer& element(std::string_view name, std::string_view ns, std::string_view text_value);

  // The text so far; all elements must be closed.
  [[nodiscard]] std::string take() &&;
  [[nodiscard]] std::string_view view() const { return out_; }

 private:
  struct Name {
    std::uint32_t offset;  // in out_
    std::uint32_t length;
  };
  void finish_start_tag();

  std::string out_;
  std::vector<Name> open_;
  bool in_start_tag_ = false;
};

}  // namespace starling::xml
