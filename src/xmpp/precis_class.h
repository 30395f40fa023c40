// The code point classes of the PRECIS framework (RFC 8264 sections 4, 8 and 9), with the
// contextual rules of RFC 5892 appendix A. Derived from ICU's Unicode version, as RFC 8264 section
// 8 wants, not from a frozen table. Pure and thread-safe.
#pragma once

#include <unicode/unistr.h>

#include <cstdint>

namespace starling::xmpp {

enum class PrecisClass : std::uint8_t {
  identifier,  // names of accounts, rooms, domains' labels: letters, digits, printable ASCII
  freeform,    // also symbols, punctuation, spaces and what has a compatibility form
};

// True if each code point of `text` belongs to the class and its contextual rule, if any, holds.
[[nodiscard]] bool in_precis_class(const icu::UnicodeString& text, PrecisClass which);

// The Bidi Rule (RFC 5893 section 2) for a string on its own; a string without right-to-left
// characters always passes.
[[nodiscard]] bool follows_bidi_rule(const icu::UnicodeString& text);

}  // namespace starling::xmpp
