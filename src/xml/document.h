// Document: one complete XML element (a stanza, a nonza, a stream header) as one immutable,
// reference-counted buffer plus a flat table of its elements.
//
// The buffer holds the bytes as they came from the wire, followed by a tail with what the wire did
// not spell out: namespaces inherited from the stream, attribute values and namespaces with their
// entities resolved. Views into a Document live as long as some DocumentPtr to it. Thread-safe to
// read from any number of threads, since nothing changes after construction.
#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::xml {

class Document;
class Element;
using DocumentPtr = boost::intrusive_ptr<const Document>;

// A slice of the document's buffer.
struct Slice {
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
};

// One row of the element table, in document order (a parent before its children).
struct ElementRow {
  std::uint32_t begin = 0;        // of '<'
  std::uint32_t content = 0;      // just after the start tag's '>'
  std::uint32_t content_end = 0;  // of the end tag's '<'; equals content for an empty-element tag
  std::uint32_t end = 0;          // just after the element's last '>'
  std::uint32_t next = 0;         // row index just after this element's last descendant
  std::uint16_t prefix_length = 0;  // 0 without prefix; the name starts at begin + 1
  std::uint16_t local_length = 0;
  Slice ns;                       // namespace name, decoded; length 0: no namespace
};

// A decoded value that differs from its raw spelling: `raw` is where the raw value begins.
struct DecodedValue {
  std::uint32_t raw = 0;
  Slice value;
};

// One attribute as written in a start tag. `ns` is empty for attributes without prefix;
// xmlns declarations are not attributes and are never listed.
struct Attribute {
  std::string_view prefix;
  std::string_view name;   // local name
  std::string_view value;  // decoded and normalised
};

// A cheap view of one element; valid while its Document is.
class Element {
 public:
  Element(const Document* document, std::uint32_t index) : document_(document), index_(index) {}

  [[nodiscard]] std::string_view name() const;  // local name
  [[nodiscard]] std::string_view ns() const;
  [[nodiscard]] std::string_view prefix() const;
  [[nodiscard]] bool is(std::string_view local_name, std::string_view ns_name) const;

  // The value of the attribute without prefix (or of `xml:lang` given as "xml:lang"), decoded.
  [[nodiscard]] std::optional<std::string_view> attribute(std::string_view attribute_name) const;
  // All attributes in the order written.
  [[nodiscard]] std::vector<Attribute> attributes() const;

  // Character data directly inside this element, decoded; children's text is not included.
  [[nodiscard]] std::string text() const;

  // The first child; with a name: the first child so named. nullopt if there is none.
  [[nodiscard]] std::optional<Element> first_child() const;
  [[nodiscard]] std::optional<Element> child(std::string_view local_name,
                                             std::string_view ns_name) const;

  // for (Element child : element.children())
  class ChildIterator {
   public:
    using value_type = Element;
    using difference_type = std::ptrdiff_t;
    ChildIterator(const Document* document, std::uint32_t index)
        : document_(document), index_(index) {}
    Element operator*() const { return {document_, index_}; }
    ChildIterator& operator++();
    void operator++(int) { ++*this; }
    bool operator==(const ChildIterator& other) const { return index_ == other.index_; }

   private:
    const Document* document_;
    std::uint32_t index_;
  };
  struct ChildRange {
    ChildIterator first;
    ChildIterator last;
    [[nodiscard]] ChildIterator begin() const { return first; }
    [[nodiscard]] ChildIterator end() const { return last; }
  };
  [[nodiscard]] ChildRange children() const;

  // The bytes between start tag and end tag, as they came. They are only meaningful in a context
  // with the same default namespace and the document's inherited prefixes (see Document).
  [[nodiscard]] std::string_view raw_content() const;
  // The bytes of the whole element, as they came.
  [[nodiscard]] std::string_view raw() const;

  [[nodiscard]] const Document& document() const { return *document_; }

 private:
  [[nodiscard]] const ElementRow& row() const;

  const Document* document_;
  std::uint32_t index_;
};

class Document : public boost::intrusive_ref_counter<Document, boost::thread_safe_counter> {
 public:
  // For the scanner. `buffer` is wire bytes then tail; `wire_length` says where the tail begins.
  Document(std::string buffer, std::uint32_t wire_length, std::vector<ElementRow> rows,
           std::vector<DecodedValue> decoded, bool self_contained)
      : buffer_(std::move(buffer)),
        wire_length_(wire_length),
        self_contained_(self_contained),
        rows_(std::move(rows)),
        decoded_(std::move(decoded)) {}

  // Parses one complete element, such as text written by Writer. `inherited_ns` is the default
  // namespace it stands in. nullptr if the text is not exactly one well-formed element.
  static DocumentPtr parse(std::string_view text, std::string_view inherited_ns = {});

  [[nodiscard]] Element root() const { return {this, 0}; }
  // The bytes as they came from the wire.
  [[nodiscard]] std::string_view wire() const {
    return std::string_view(buffer_).substr(0, wire_length_);
  }
  // True if the wire bytes of the root's content can be copied under a root that declares only a
  // default namespace equal to that of this root's content: no prefix is inherited from the
  // stream or declared on the root, and the root itself has no prefix. Else use canonical().
  [[nodiscard]] bool self_contained() const { return self_contained_; }
  // The content of the root written anew so that it is self-contained: every element unprefixed
  // with its namespace declared where it changes (`parent_ns` is the context), prefixed attributes
  // with a declaration of their own.
  [[nodiscard]] std::string canonical_content(std::string_view parent_ns) const;

  // Bytes of memory held, about.
  [[nodiscard]] std::size_t memory() const;

 private:
  friend class Element;
  std::string buffer_;
  std::uint32_t wire_length_;
  bool self_contained_;
  std::vector<ElementRow> rows_;
  std::vector<DecodedValue> decoded_;  // sorted by raw
};

}  // namespace starling::xml
