// Directory: who is connected, on one worker. Bare JID -> the account's sessions.
//
// Every account has a home worker on each node (Server::home_of): all its sessions, its roster and
// its turn-taking live there, so nothing of it is shared between threads. The Directory of a worker
// holds the accounts whose home it is. Used on that worker's thread only.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/roster.h"
#include "core/session.h"
#include "xmpp/jid.h"

namespace starling::core {

// What a worker holds of an account while it has sessions.
struct LocalAccount {
  xmpp::Jid bare;
  std::vector<std::unique_ptr<Session>> sessions;  // in order of binding
  std::shared_ptr<Roster> roster;                  // nullptr until first needed

  [[nodiscard]] Session* find(std::string_view resource) const;
};

class Directory {
 public:
  // The account, or nullptr while it has no session here.
  [[nodiscard]] LocalAccount* find(std::string_view bare) const;
  // The session with this full JID, or nullptr.
  [[nodiscard]] Session* find_session(const xmpp::Jid& full) const;
  // The same session, if it still lives.
  [[nodiscard]] Session* find(const SessionRef& ref) const;

  // Adds a session; its jid must be free.
  Session& add(std::unique_ptr<Session> session);
  // Removes and returns it; the account goes with its last session.
  std::unique_ptr<Session> remove(Session& session);

  [[nodiscard]] std::size_t session_count() const { return session_count_; }
  void for_each(const std::function<void(const Session&)>& visit) const;

 private:
  // Keys are views into the account's own JID.
  std::unordered_map<std::string_view, std::unique_ptr<LocalAccount>> accounts_;
  std::size_t session_count_ = 0;
};

}  // namespace starling::core
