// What all streams of the process have received and sent, as metrics.
#pragma once

#include <cstdint>

#include "xmpp/stanza.h"

namespace starling::stream {

// Any thread.
void count_received(xmpp::StanzaKind kind);
void count_sent(xmpp::StanzaKind kind);
// All that were received, of any kind.
[[nodiscard]] std::uint64_t stanzas_received();
[[nodiscard]] std::uint64_t messages_received();

}  // namespace starling::stream
