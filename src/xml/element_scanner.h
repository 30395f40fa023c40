// ElementScanner: the state machine that reads one element, or the start tag of a stream's root.
//
// It can stop after any byte and go on when there are more: every byte is looked at once (of a
// character split between two reads, up to three bytes twice). What it finds does not depend on
// where the input was cut. It keeps offsets only; the bytes are the caller's, who hands over all
// bytes of the element so far at each call.
#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "xml/document.h"
#include "xml/stream_scanner.h"
#include "xml/stream_scope.h"

namespace starling::xml {

class ElementScanner {
 public:
  enum class Extent : std::uint8_t { element, start_tag };
  enum class Status : std::uint8_t { proceed, need_more, done, error };

  // What the element stands in. `scope` may be null: no prefixes.
  struct Context {
    std::string_view default_ns;
    const StreamScope* scope = nullptr;
  };

  ElementScanner(const Limits* limits, Extent extent) : limits_(limits), extent_(extent) {}

  // Reads on in `bytes`: the element from its '<', as far as it has come, and perhaps more after
  // it. Never returns proceed. The context must be the same at each call.
  Status run(std::string_view bytes, const Context& context);

  [[nodiscard]] ScanError error() const { return error_; }
  // After done: how many bytes the element has.
  [[nodiscard]] std::uint32_t size() const { return pos_; }
  // After done: whether the element was an empty-element tag.
  [[nodiscard]] bool empty_tag() const { return empty_tag_; }
  // After done, once: the element of the bytes given last.
  [[nodiscard]] DocumentPtr take_document(std::string_view bytes);
  // After done with Extent::start_tag, before take_document: what the stream has to remember.
  [[nodiscard]] StreamScope scope(std::string_view bytes) const;
  // Bytes of memory held beyond the object itself, about.
  [[nodiscard]] std::size_t memory() const;

 private:
  enum class State : std::uint8_t {
    angle,      // after '<'
    bang,       // after "<!", in the middle of "[CDATA["
    tag_name,   // of a start tag
    tag,        // in a start tag, between attributes
    empty_tag,  // after the '/' of an empty-element tag
    end_name,   // after "</"
    end_tag,    // after the name of an end tag
    attribute_name,
    equals,
    quote,
    value,
    text,
    cdata,
    reference,    // after '&'
    decimal,      // after "&#"
    hexadecimal,  // after "&#x"
  };

  struct OpenAttribute {
    std::uint32_t name = 0;
    std::uint16_t prefix_length = 0;
    std::uint16_t local_length = 0;
    Slice value;  // decoded
    Slice ns;     // of its prefix, once the tag is complete
  };
  struct Binding {
    std::uint32_t row;  // that declares it, or kInherited
    Slice prefix;       // length 0: the default namespace
    Slice ns;
  };
  static constexpr std::uint32_t kNoRow = 0xFFFFFFFF;
  static constexpr std::uint32_t kInherited = 0xFFFFFFFE;
  // Marks a slice of tail_, until take_document knows where the tail will begin.
  static constexpr std::uint32_t kInTail = 0x80000000;

  // element_scanner.cc: one function for each state; they move p_ and state_. Where the next state
  // is clear, one calls the next at once; each such chain ends at the end of an attribute, tag or
  // text, and the next begins in step().
  Status step();
  Status after_angle();
  Status after_bang();
  Status read_tag_name();
  Status read_tag();
  Status read_empty_tag();
  Status read_end_name();
  Status read_end_tag();
  Status read_attribute_name();
  Status read_equals();
  Status read_quote();
  Status read_value();
  Status read_text();
  Status read_cdata();
  Status read_reference();
  Status read_number();
  Status read_name(std::uint16_t& prefix_length, std::uint16_t& local_length);
  Status read_name_rest();
  Status read_special();  // a character that skip_plain stopped at
  Status read_beyond_ascii();
  bool skip_space();

  // element_builder.cc: what a complete token means.
  Status begin_element();
  Status finish_value();
  Status finish_start_tag(bool empty);
  Status finish_element(std::uint32_t content_end);
  Status declare(const OpenAttribute& attribute);
  Status resolve_attributes();
  bool has_duplicate() const;
  bool has_expanded_duplicate() const;
  bool resolve(Slice prefix, Slice& ns);
  Slice resolve_default();
  Slice append_to_tail(std::string_view text);

  Status fail(ScanError error) {
    error_ = error;
    return Status::error;
  }
  [[nodiscard]] std::uint32_t offset_of(const char* p) const {
    return static_cast<std::uint32_t>(p - base_);
  }
  [[nodiscard]] std::string_view view(Slice slice) const {
    const char* from = (slice.offset & kInTail) != 0 ? tail_.data() : base_;
    return {from + (slice.offset & ~kInTail), slice.length};
  }

  const Limits* limits_;
  Extent extent_;
  State state_ = State::angle;
  State reference_in_ = State::text;  // where to go on after a reference
  ScanError error_ = ScanError::none;
  char quote_ = '"';
  bool raw_differs_ = false;  // the attribute value has to be decoded
  bool space_seen_ = false;   // since the last token of the tag
  bool empty_tag_ = false;
  bool has_declarations_ = false;  // the open tag has xmlns attributes
  bool has_prefixed_ = false;      // the open tag has other attributes with a prefix
  bool has_digits_ = false;        // the character reference
  bool self_contained_ = true;
  bool default_known_ = false;  // default_ns_ holds what is in scope

  std::uint32_t pos_ = 1;           // where to go on
  std::uint32_t token_ = 0;         // where the token began
  std::uint32_t colon_ = 0;         // of the name being read; 0: none
  std::uint32_t code_ = 0;          // of the character reference, saturating
  std::uint32_t current_ = kNoRow;  // the innermost open element
  std::uint32_t depth_ = 0;         // open elements
  std::uint64_t growth_ = 0;        // what canonical_content() would write besides
  Slice default_ns_;

  // Only during run().
  const char* base_ = nullptr;
  const char* p_ = nullptr;
  const char* end_ = nullptr;
  const Context* context_ = nullptr;

  // An open element's `next` is the row of its parent.
  boost::container::small_vector<ElementRow, 16> rows_;
  boost::container::small_vector<DecodedValue, 4> decoded_;
  boost::container::small_vector<Binding, 8> bindings_;
  boost::container::small_vector<OpenAttribute, 12> attributes_;  // of the open tag
  std::string tail_;
};

// What "<!" followed by this byte means: no comment, no DTD (RFC 6120 11.1).
[[nodiscard]] ScanError error_of_bang(char next);

}  // namespace starling::xml
