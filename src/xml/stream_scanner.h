// StreamScanner: the incremental, namespace-aware reader of one XML stream (RFC 6120 section 4).
//
// It is fed bytes as they arrive and gives back whole top-level things: the stream's opening tag,
// each first-level child (stanza or nonza) as a Document, the stream's end, or one error. Between
// two stanzas it holds no buffer: bytes are kept only of an unfinished token or stanza. Limits are
// enforced as bytes arrive, so an oversized stanza is refused before it is complete.
//
// It accepts what a namespace-aware XML 1.0 parser accepts, in UTF-8, minus what RFC 6120 section
// 11.1 forbids: comments, processing instructions, DTDs, entity references other than the five
// predefined ones (and character references), a byte order mark (11.6). CDATA sections are allowed.
// Names are those of XML 1.0's 4th edition (see chars.h). What it finds, errors included, does not
// depend on where the input was cut. Not thread-safe; no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "xml/document.h"
#include "xml/stream_scope.h"

namespace starling::xml {

struct Limits {
  std::uint32_t max_stanza_bytes = 262'144;  // of one first-level child; at most 2^30
  std::uint16_t max_depth = 64;              // elements below the stream root
  std::uint16_t max_attributes = 64;         // of one element, xmlns declarations included
  std::uint32_t max_elements = 8'192;        // of one first-level child
};

// Fixed limits besides: a namespace name has at most 512 bytes, a name 65,535 (too_large); at most
// 256 namespace declarations are in scope at a time (too_many_attributes). A prefix is short for a
// namespace: written out (Document::canonical_content), an element must not become several times as
// long (too_large).
inline constexpr std::uint32_t kMaxStreamHeaderBytes = 10'000;  // of the root's start tag
inline constexpr std::uint32_t kMaxXmlDeclarationBytes = 1'024;

enum class ScanError : std::uint8_t {
  none,
  not_well_formed,       // RFC 6120 4.9.3.13
  restricted_xml,        // 4.9.3.18: comment, PI, DTD, foreign entity
  unsupported_encoding,  // 4.9.3.22: an XML declaration that names other than UTF-8
  bad_encoding,          // 4.9.3.22/11.6: bytes that are not UTF-8; answered as not-well-formed
  bad_namespace_prefix,  // 4.9.3.2: undeclared prefix
  bad_format,            // 4.9.3.1: character data directly below the stream root
  too_large,             // policy-violation: max_stanza_bytes, and the fixed limits on sizes
  too_deep,              // policy-violation: max_depth
  too_many_attributes,   // policy-violation: max_attributes
  too_many_elements,     // policy-violation: max_elements
};
[[nodiscard]] std::string_view to_string(ScanError error);

struct ScanEvent {
  enum class Kind : std::uint8_t {
    need_more,     // all input is consumed
    stream_open,   // document holds the opening tag as an empty element, without end tag
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
  // `input` need not outlive the call.
  // Call again with the rest until need_more.
  ScanEvent next(std::string_view& input);

  // Forgets everything: the next byte begins a new stream (after STARTTLS or SASL, RFC 6120 4.3.3).
  void reset();

  // The default namespace the opening tag declares; "" before stream_open, or if it declares none.
  [[nodiscard]] std::string_view default_ns() const { return scope_.default_ns(); }

  // True between two first-level children, when no byte is kept.
  [[nodiscard]] bool idle() const;
  // Bytes of memory held beyond the object itself, about.
  [[nodiscard]] std::size_t memory() const;

 private:
  struct Unfinished;  // the first-level thing of which only a part has come
  enum class Phase : std::uint8_t {
    start,       // nothing has come: an XML declaration may
    prolog,      // before the root's start tag
    open,        // between two first-level children
    empty_root,  // stream_open of <root/> was given, stream_close is due
    closed,
    failed,
  };
  enum class Progress : std::uint8_t { done, need_more, error };

  ScanEvent begin_unit(std::string_view& input);
  ScanEvent resume_unit(std::string_view& input);
  Progress advance(Unfinished& unit, std::string_view bytes);
  Progress choose_kind(Unfinished& unit, std::string_view bytes);
  Progress advance_element(Unfinished& unit, std::string_view bytes);
  Progress advance_end_tag(Unfinished& unit, std::string_view bytes);
  Progress advance_declaration(Unfinished& unit, std::string_view bytes);
  ScanEvent event_of(Unfinished& unit, std::string_view bytes);
  Progress refuse(ScanError error);
  ScanEvent failure();
  [[nodiscard]] ScanError error_outside(char c) const;

  const Limits* limits_;
  std::unique_ptr<Unfinished> unfinished_;
  StreamScope scope_;
  Phase phase_ = Phase::start;
  ScanError error_ = ScanError::none;
};

// Scans `text` as exactly one element, without anything around it, such as a WebSocket message
// (RFC 7395 3.3.3) or what Writer wrote. `inherited_ns` is the default namespace it stands in.
[[nodiscard]] std::expected<DocumentPtr, ScanError> scan_element(std::string_view text,
                                                                 std::string_view inherited_ns,
                                                                 const Limits& limits);

}  // namespace starling::xml
