// Operations: what an operator does with a running server, whichever door the request comes through
// (starlingctl, XEP-0133). On any worker; each visits the workers it needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "core/node_calls.h"
#include "xmpp/jid.h"
#include "xmpp/stanza.h"

namespace starling::core {

class Server;

// In a cluster all of this is about all nodes, but what says otherwise; what another node has to do
// with is done there. A node that cannot be reached is left out of lists.

// What other nodes call for that.
void add_operations(Procedures& procedures);

// The full JIDs of all sessions, sorted.
Task<std::vector<xmpp::Jid>> connected_jids(Server& server);

// The usernames of a host in byte order behind `after`, `limit` at most. Errors: unavailable.
Task<Result<std::vector<std::string>>> registered_names(Server& server, std::string host,
                                                        std::size_t limit = SIZE_MAX,
                                                        std::string after = {});

// What is to be seen of a session.
struct SessionInfo {
  xmpp::Jid jid;           // full
  std::string connection;  // c2s, c2s_tls
  std::string remote;      // as Outbox::remote
  std::int64_t bound_at_us = 0;
  int priority = 0;       // of its presence
  std::string show;       // "available", "away", "chat", "dnd", "xa"; "unavailable"
  std::string status;     // what the user wrote, or the beginning of that
  bus::NodeId node = 0;   // of its connection, if that is not the account's home
  bool inactive = false;  // nobody looks at its client (XEP-0352); known at its home only
};
struct Session;
// On the session's worker.
[[nodiscard]] SessionInfo info_of(const Session& session);
// Of all sessions, sorted by their JIDs; or of one account's, in order of binding.
Task<std::vector<SessionInfo>> session_infos(Server& server);
Task<std::vector<SessionInfo>> session_infos(Server& server, xmpp::Jid account);

// The answer of the account's own server to an iq of the account, by the module that answers its
// clients: the payload of the result. Errors: not_found (no such account, or <item-not-found/>),
// invalid (refused), unavailable.
Task<Result<std::string>> ask_as(Server& server, xmpp::Jid account, xmpp::StanzaType type,
                                 std::string payload);

// Sends a stanza, which has `from` and `to`, in the name of `from`: a host, or an account of one,
// whose messages are archived as if a client had sent them. Errors: not_found (no such account),
// unavailable.
Task<Result<>> send_as(Server& server, xmpp::Stanza stanza);

// How many sessions there are.
Task<std::int64_t> session_count(Server& server);

// Ends the sessions of an account, or the one with this full JID; returns how many.
Task<std::size_t> end_sessions(Server& server, xmpp::Jid jid, std::string text);

// Sends the message to every available session of the host's accounts, and from the host; returns
// to how many.
Task<std::size_t> announce(Server& server, std::string host, xmpp::Stanza message);

}  // namespace starling::core
