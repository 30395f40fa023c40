// Base64 (RFC 4648 section 4), strict: no white space, no missing padding, no stray bits.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace starling::xmpp {

[[nodiscard]] std::string base64_encode(std::string_view bytes);
// nullopt if `text` is not canonical base64.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

}  // namespace starling::xmpp
