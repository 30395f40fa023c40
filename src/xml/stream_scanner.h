// StreamScanner: the incremental, namespace-aware reader of one XML stream (RFC 6120 section 4).
//
// It is fed bytes as they arrive and gives back whole top-level things: the stream's opening tag,
// each first-level child (stanza or nonza) as a Document, the stream's end, or one error. Between
// two stanzas it holds no buffer: bytes are kept only of an unfinished token or stanza. Limits are
// enforced as bytes arrive, so an oversized stanza is refused before it is complete.
//
// It accepts what a namespace-aware XML 1.0 parser accepts, in UTF-8, minus what RFC 6120 section
// 11.1 forbids: comments, processing instructions, DTDs, entity references other than the five
// predefined ones (and character references). CDATA sections are allowed. Not thread-safe; no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "xml/document.h"

namespace starling::xml {

struct Limits {
  std::uint32_t max_stanza_bytes = 262'144;  // of one first-level child or the stream header
  std::uint16_t max_depth = 64;              // elements below the stream root
  std::uint16_t max_attributes = 64;         // of one element, xmlns declarations included
  std::uint32_t max_elements = 8'192;        // of one first-level child
};

enum class ScanError : std::uint8_t {
  none,
  not_well_formed,       // RFC 6120 4.9.3.13
  restricted_xml,        // 4.9.3.18: comment, PI, DTD, foreign entity
  unsupported_encoding,  // 4.9.3.22: an XML declaration that names other than UTF-8
  bad_encoding,          // 4.9.3.22/11.6: bytes that are not UTF-8; answered as not-well-formed
  bad_namespace_prefix,  // 4.9.3.2: undeclared prefix
  bad_format,            // 4.9.3.1: character data directly below the stream root
  too_large,             // policy-violation: max_stanza_bytes
  too_deep,              // policy-violation: max_depth
  too_many_attributes,   // policy-violation: max_attributes
  too_many_elements,     // policy-violation: max_elements
};
[[nodiscard]] std::string_view to_string(ScanError error);

struct ScanEvent {
  enum class Kind : std::uint8_t {
    need_more,     // all input is consumed
    stream_open,   // document holds the opening tag as an empty element
    stanza,        // document holds one first-level child
    stream_close,  // the root's end tag
    error,         // final: every later call returns the same error
  };
  Kind kind = Kind::need_more;
  DocumentPtr document;
  ScanError error = ScanError::none;
};

class StreamScanner {
 public:
  // `limits` must outlive the scanner (it is shared by all streams of a listener).
  explicit StreamScanner(const Limits* limits);
  ~StreamScanner();
  StreamScanner(StreamScanner&&) noexcept;
  StreamScanner& operator=(StreamScanner&&) noexcept;

  // Reads from the front of `input`, removing what it took, up to and including the next event.
  // Call again with the rest until need_more.
  ScanEvent next(std::string_view& input);

  // Forgets everything: the next byte begins a new stream (after STARTTLS or SASL, RFC 6120 4.3.3).
  void reset();

  // True between two first-level children, when no byte is kept.
  [[nodiscard]] bool idle() const;
  // Bytes of memory held beyond the object itself, about.
  [[nodiscard]] std::size_t memory() const;

 private:
  struct State;  // of the unfinished token or stanza, and the stream root's declarations
  const Limits* limits_;
  std::unique_ptr<State> state_;
};

}  // namespace starling::xml
