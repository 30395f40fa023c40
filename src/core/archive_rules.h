// What becomes of a message besides its delivery: kept for the archive (XEP-0313 section 5.1.1),
// kept only until its addressee was online (XEP-0160), or not kept at all; by its type, its content
// and the sender's hints (XEP-0334). Pure.
#pragma once

#include <cstdint>

#include "xmpp/stanza.h"

namespace starling::core {

enum class Keep : std::uint8_t {
  nothing,    // nobody misses it: a typing notification, a headline, or hint <no-store/>
  delivered,  // until a client has it: hint <no-permanent-store/>
  archived,
};

[[nodiscard]] Keep keep_of(const xmpp::Stanza& message);

// True for a message that is for people to read: what cannot be delivered of this kind is worth an
// error to its sender, other things (typing notifications) are not.
[[nodiscard]] bool has_body(const xmpp::Stanza& message);

}  // namespace starling::core
