// Profiles of the PRECIS framework (RFC 8264) that XMPP uses. Pure and thread-safe.
//
// Each takes UTF-8 and gives the enforced form, which is a fixed point: enforcing it once more
// changes nothing (RFC 8264 section 7); what does not settle is refused. These go through ICU: the
// callers have shortcuts for ASCII.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace starling::xmpp {

// True if `text` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
[[nodiscard]] bool is_utf8(std::string_view text);

// UsernameCaseMapped (RFC 8265 section 3.3). nullopt if malformed, empty or not allowed.
[[nodiscard]] std::optional<std::string> enforce_username_case_mapped(std::string_view text);

// OpaqueString (RFC 8265 section 4.2). nullopt if malformed, empty or not allowed.
[[nodiscard]] std::optional<std::string> enforce_opaque_string(std::string_view text);

}  // namespace starling::xmpp
