// Iq: finds the module that answers an iq request, runs it, and sends the answer.
#pragma once

#include "core/module.h"
#include "xmpp/stanza.h"

namespace starling::core {

class Worker;

// Answers a get or set exactly once: by the handler's reply, or service-unavailable if nobody
// handles that payload (RFC 6120 section 8.4). Results and errors are dropped.
void answer_iq(Worker& worker, const Host& host, At at, xmpp::Stanza iq);

// The same for one to a bare JID, in the account's turn, which lasts until it is answered; but for
// questions of others, which do not need it.
Task<void> answer_iq_in_turn(Worker& worker, const Host& host, xmpp::Stanza iq);

}  // namespace starling::core
