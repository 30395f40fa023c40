// The sessions of all nodes, in byte order of their JIDs, as far as they are wanted: no node tells
// of more, and nobody gathers more.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "admin/call.h"
#include "base/task.h"

namespace starling::admin {

struct SessionsWanted {
  std::string part{};   // of the full JID
  std::string host{};   // "": any, as with show
  std::string show{};   // as SessionInfo has it
  std::string after{};  // a full JID
  std::size_t limit = 0;
};

struct SessionList {
  // Each with jid, node, home, connection, ip, port, priority, show, status, uptime and
  // client_state; nodes by their numbers.
  std::vector<Json> sessions;
  bool more = false;                 // there are
  std::vector<std::string> missing;  // nodes that have not answered in time
};

// On the loop of worker 0.
Task<SessionList> list_of_sessions(core::Server& server, SessionsWanted wanted);

// The full JID of one of them; "" if it is none.
[[nodiscard]] const std::string& jid_of(const Json& session);

}  // namespace starling::admin
