// Operations: what an operator does with a running server, whichever door the request comes through
// (starlingctl, XEP-0133). On any worker; each visits the workers it needs.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "xmpp/jid.h"
#include "xmpp/stanza.h"

namespace starling::core {

class Server;

// The full JIDs of all sessions, sorted.
Task<std::vector<xmpp::Jid>> connected_jids(Server& server);

// The usernames of a host in byte order, `limit` at most. Errors: unavailable.
Task<Result<std::vector<std::string>>> registered_names(Server& server, std::string host,
                                                        std::size_t limit = SIZE_MAX);

// Ends the sessions of an account, or the one with this full JID; returns how many.
Task<std::size_t> end_sessions(Server& server, xmpp::Jid jid, std::string text);

// Sends the message to every available session of the host's accounts, and from the host; returns
// to how many.
Task<std::size_t> announce(Server& server, std::string host, xmpp::Stanza message);

}  // namespace starling::core
