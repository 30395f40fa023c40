// The three functions SCRAM is made of (RFC 5802 section 2.2), on OpenSSL. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "xmpp/sasl/scram.h"

namespace starling::xmpp::sasl {

[[nodiscard]] std::size_t hash_size(ScramHash hash);  // octets of H()'s output

[[nodiscard]] std::string scram_h(ScramHash hash, std::string_view data);
[[nodiscard]] std::string scram_hmac(ScramHash hash, std::string_view key, std::string_view data);
// Hi(): PBKDF2. `iterations` >= 1.
[[nodiscard]] std::string scram_hi(ScramHash hash, std::string_view password, std::string_view salt,
                                   std::uint32_t iterations);

// True if equal; takes the same time wherever they differ.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace starling::xmpp::sasl
