// Elements written anew, free of their surroundings.
#include <array>
#include <vector>

#include "xml/document.h"
#include "xml/start_tag.h"
#include "xml/stream_scope.h"
#include "xml/writer.h"

namespace starling::xml {

class CanonicalWriter {
 public:
  explicit CanonicalWriter(const Document& document) : document_(document) {}

  // What is inside the root.
  std::string content(std::string_view parent_ns) && {
    from_ = row(0).content;
    open_.push_back({.index = 0, .ns = parent_ns});
    write_open(1);
    return std::move(out_);
  }

  // One element with its tags.
  std::string element(std::uint32_t index, std::string_view parent_ns) && {
    from_ = row(index).begin;
    begin(index, parent_ns);
    if (open_.empty()) return std::move(out_);
    write_open(index + 1);
    put_end_tag(index);
    return std::move(out_);
  }

 private:
  struct Open {
    std::uint32_t index;
    std::string_view ns;  // the default namespace within
  };

  // The content of the one open element, whose first child, if it has one, is `next`.
  void write_open(std::uint32_t next) {
    for (;;) {
      const Open top = open_.back();
      if (next < row(top.index).next) {
        begin(next, top.ns);
        next = row(next).content == row(next).end ? row(next).next : next + 1;
        continue;
      }
      copy_until(row(top.index).content_end);
      open_.pop_back();
      if (open_.empty()) return;
      put_end_tag(top.index);
    }
  }

  void put_end_tag(std::uint32_t index) {
    out_ += "</";
    put_name(Element(&document_, index));
    out_ += '>';
    from_ = row(index).end;
  }

  [[nodiscard]] const ElementRow& row(std::uint32_t index) const { return document_.rows()[index]; }

  // Text, references and CDATA sections stay as they are.
  void copy_until(std::uint32_t to) { out_ += document_.view({from_, to - from_}); }

  // The namespace of the prefix xml cannot be made the default one.
  static bool keeps_prefix(const Element& element) { return element.ns() == kXmlNamespace; }

  void put_name(const Element& element) {
    if (keeps_prefix(element)) out_ += "xml:";
    out_ += element.name();
  }

  void begin(std::uint32_t index, std::string_view ns) {
    const Element element(&document_, index);
    copy_until(row(index).begin);
    out_ += '<';
    put_name(element);
    if (!keeps_prefix(element) && element.ns() != ns) {
      ns = element.ns();
      put_declaration("xmlns", ns);
    }
    put_attributes(element);
    if (row(index).content == row(index).end) {
      out_ += "/>";
      from_ = row(index).end;
      return;
    }
    out_ += '>';
    from_ = row(index).content;
    open_.push_back({index, ns});
  }

  void put_declaration(std::string_view name, std::string_view ns) {
    out_ += ' ';
    out_ += name;
    out_ += "='";
    append_escaped_value(out_, ns);
    out_ += '\'';
  }

  void put_attributes(const Element& element) {
    std::vector<std::string_view> declared;  // on this element, as a0, a1, ...
    for (StartTag tag(element.name().data() + element.name().size()); tag.next();) {
      if (tag.is_declaration()) continue;
      std::string_view name = tag.name();
      std::string prefix;
      const std::size_t colon = name.find(':');
      if (colon != std::string_view::npos && !name.starts_with("xml:")) {
        const auto at = static_cast<std::uint32_t>(name.data() - document_.buffer());
        prefix = prefix_for(element.decoded_or(at, {}), declared);
        name.remove_prefix(colon + 1);
      }
      out_ += ' ';
      out_ += prefix;
      out_ += name;
      out_ += '=';
      out_ += tag.quote();
      out_ += tag.raw_value();
      out_ += tag.quote();
    }
  }

  std::string prefix_for(std::string_view ns, std::vector<std::string_view>& declared) {
    std::size_t i = 0;
    while (i < declared.size() && declared[i] != ns) ++i;
    const std::string prefix = "a" + std::to_string(i);
    if (i == declared.size()) {
      declared.push_back(ns);
      put_declaration("xmlns:" + prefix, ns);
    }
    return prefix + ":";
  }

  const Document& document_;
  std::string out_;
  std::uint32_t from_ = 0;  // what is not yet copied
  std::vector<Open> open_;
};

std::string Document::canonical_content(std::string_view parent_ns) const {
  return CanonicalWriter(*this).content(parent_ns);
}

std::string Element::canonical(std::string_view parent_ns) const {
  return CanonicalWriter(*document_).element(index_, parent_ns);
}

}  // namespace starling::xml
