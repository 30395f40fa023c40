// Document: one complete XML element (a stanza, a nonza, a stream header) as one immutable,
// reference-counted buffer plus a flat table of its elements.
//
// The buffer holds the bytes as they came from the wire, followed by a tail with what the wire did
// not spell out: namespaces inherited from the stream, attribute values and namespaces with their
// entities resolved. Object, tables and buffer are one allocation. Views into a Document live as
// long as some DocumentPtr to it. Thread-safe to read from any number of threads, since nothing
// changes after construction.
#pragma once

#include <boost/container/small_vector.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>

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
  std::uint32_t begin = 0;          // of '<'
  std::uint32_t content = 0;        // just after the start tag's '>'
  std::uint32_t content_end = 0;    // of the end tag's '<'; equals content for an empty-element tag
  std::uint32_t end = 0;            // just after the element's last '>'
  std::uint32_t next = 0;           // row index just after this element's last descendant
  std::uint16_t prefix_length = 0;  // 0 without prefix; the name starts at begin + 1
  std::uint16_t local_length = 0;
  Slice ns;  // namespace name, decoded; length 0: no namespace
};

// What the raw spelling does not say. Either an attribute's decoded value that differs from its raw
// one, `raw` being where the raw value begins; or the namespace of an attribute with a prefix other
// than xml, `raw` being where its name begins.
struct DecodedValue {
  std::uint32_t raw = 0;
  Slice value;
};

// One attribute as written in a start tag. xmlns declarations are not attributes and are never
// listed.
struct Attribute {
  std::string_view prefix;
  std::string_view name;   // local name
  std::string_view value;  // decoded and normalised
  std::string_view ns;     // empty for attributes without prefix
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
  // With another prefix, `attribute_name` is compared as written.
  [[nodiscard]] std::optional<std::string_view> attribute(std::string_view attribute_name) const;
  // All attributes in the order written.
  [[nodiscard]] boost::container::small_vector<Attribute, 8> attributes() const;

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
  // The element written anew so that it can stand anywhere with the default namespace `parent_ns`:
  // see Document::canonical_content.
  [[nodiscard]] std::string canonical(std::string_view parent_ns) const;

  [[nodiscard]] const Document& document() const { return *document_; }

 private:
  friend class CanonicalWriter;
  [[nodiscard]] const ElementRow& row() const;
  [[nodiscard]] std::string_view decoded_or(std::uint32_t raw, std::string_view raw_value) const;

  const Document* document_;
  std::uint32_t index_;
};

class Document : public boost::intrusive_ref_counter<Document, boost::thread_safe_counter> {
 public:
  // For the scanner: `rows` has at least one element, `decoded` is sorted by raw, and their slices
  // are of `wire` followed by `tail`. All is copied.
  struct Parts {
    std::string_view wire;
    std::string_view tail;
    std::span<const ElementRow> rows;
    std::span<const DecodedValue> decoded;
    bool self_contained = false;
  };
  static DocumentPtr create(const Parts& parts);
  static void operator delete(void* memory) { ::operator delete(memory); }

  // Parses one complete element, such as text written by Writer. `inherited_ns` is the default
  // namespace it stands in. nullptr if the text is not exactly one well-formed element. The limits
  // are wide: for text of our own (else: scan_element in stream_scanner.h).
  static DocumentPtr parse(std::string_view text, std::string_view inherited_ns = {});

  [[nodiscard]] Element root() const { return {this, 0}; }
  // The bytes as they came from the wire.
  [[nodiscard]] std::string_view wire() const { return {buffer(), wire_length_}; }
  // True if the wire bytes of the root's content can be copied under a root that declares only a
  // default namespace equal to that of this root's content: no prefix is inherited from the
  // stream or declared on the root, and the root itself has no prefix. Else use
  // canonical_content().
  [[nodiscard]] bool self_contained() const { return self_contained_; }
  // The content of the root written anew so that it is self-contained: every element unprefixed
  // with its namespace declared where it changes (`parent_ns` is the context), prefixed attributes
  // with a declaration of their own. Only the prefix xml stays as it is.
  [[nodiscard]] std::string canonical_content(std::string_view parent_ns) const;

  // Bytes of memory held, about.
  [[nodiscard]] std::size_t memory() const;

 private:
  friend class Element;
  friend class CanonicalWriter;

  explicit Document(const Parts& parts);
  [[nodiscard]] const ElementRow* rows() const {
    return reinterpret_cast<const ElementRow*>(this + 1);
  }
  [[nodiscard]] const DecodedValue* decoded() const {
    return reinterpret_cast<const DecodedValue*>(rows() + row_count_);
  }
  [[nodiscard]] const char* buffer() const {
    return reinterpret_cast<const char*>(decoded() + decoded_count_);
  }
  [[nodiscard]] std::string_view view(Slice slice) const {
    return {buffer() + slice.offset, slice.length};
  }
  // The entry of `decoded` for this offset; nullptr if there is none.
  [[nodiscard]] const DecodedValue* find_decoded(std::uint32_t raw) const;

  // Behind the object: rows, decoded values, wire bytes, tail.
  std::uint32_t wire_length_;
  std::uint32_t tail_length_;
  std::uint32_t row_count_;
  std::uint32_t decoded_count_;
  bool self_contained_;
};

inline const ElementRow& Element::row() const {
  return document_->rows()[index_];
}

inline std::string_view Element::prefix() const {
  const ElementRow& r = row();
  return {document_->buffer() + r.begin + 1, r.prefix_length};
}

inline std::string_view Element::name() const {
  const ElementRow& r = row();
  const std::uint32_t skip = r.prefix_length == 0 ? 0 : r.prefix_length + 1U;
  return {document_->buffer() + r.begin + 1 + skip, r.local_length};
}

inline std::string_view Element::ns() const {
  return document_->view(row().ns);
}

inline bool Element::is(std::string_view local_name, std::string_view ns_name) const {
  return row().local_length == local_name.size() && name() == local_name && ns() == ns_name;
}

inline std::string_view Element::raw_content() const {
  return document_->view({row().content, row().content_end - row().content});
}

inline std::string_view Element::raw() const {
  return document_->view({row().begin, row().end - row().begin});
}

inline Element::ChildIterator& Element::ChildIterator::operator++() {
  index_ = Element(document_, index_).row().next;
  return *this;
}

inline Element::ChildRange Element::children() const {
  const std::uint32_t end = row().next;
  return {.first = {document_, index_ + 1}, .last = {document_, end}};
}

}  // namespace starling::xml
