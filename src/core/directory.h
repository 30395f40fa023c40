// Directory: the accounts in memory on one worker. Bare JID -> the account with its sessions.
//
// Every account has a home worker on each node (Server::home_of): all its sessions, its roster and
// its turn-taking live there, so nothing of it is shared between threads. The Directory of a worker
// holds the accounts whose home it is: all that have sessions, and some more that were addressed
// lately. Used on that worker's thread only, but for what says otherwise.
#pragma once

#include <atomic>
#include <boost/container/small_vector.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "core/owed.h"
#include "core/parking.h"
#include "core/roster.h"
#include "core/session.h"
#include "core/slots.h"
#include "xmpp/jid.h"

namespace starling::core {

// What a worker holds of an account. Found by its bare JID and never kept across a co_await: it may
// go meanwhile.
struct LocalAccount {
  xmpp::Jid bare;
  // In order of binding. Most accounts have one, which needs no block of its own.
  boost::container::small_vector<std::unique_ptr<Session>, 1> sessions;
  std::shared_ptr<Roster> roster;  // nullptr until first needed
  bool keeps_roster = false;       // even without sessions: a module looks at it
  Slots slots;                     // of modules

  // See archive.h and offline.h.
  Owed owed;
  bool owed_changed = false;   // since it was stored
  bool owed_stored = false;    // since it was loaded: a write of it may be under way
  bool has_transient = false;  // there may be messages that are kept until delivered only
  unsigned appending = 0;      // writes to its archive that are under way
  SessionId catching_up = 0;   // the session that is being handed the backlog
  std::vector<std::move_only_function<void(bool)>> when_appended;
  std::unique_ptr<std::vector<ParkedSession>> parked;  // parking.h; nullptr: none

  [[nodiscard]] Session* find(std::string_view resource) const;
  // True if any session is available.
  [[nodiscard]] bool available() const;
};

class Directory {
 public:
  // The account, or nullptr if it is not in memory; then it has no session.
  [[nodiscard]] LocalAccount* find(std::string_view bare) const;
  // The session with this full JID, or nullptr.
  [[nodiscard]] Session* find_session(const xmpp::Jid& full) const;
  // The same session, if it still lives.
  [[nodiscard]] Session* find(const SessionRef& ref) const;

  // Adds an account without sessions. It stays until others without sessions take its place.
  LocalAccount& add_account(std::unique_ptr<LocalAccount> account);
  // Forgets an account; it has no sessions.
  void remove_account(std::string_view bare);

  // Adds a session of an account that is here; its jid must be free.
  Session& add(std::unique_ptr<Session> session);
  std::unique_ptr<Session> remove(Session& session);

  // Any thread.
  [[nodiscard]] std::size_t session_count() const { return session_count_; }
  [[nodiscard]] std::size_t account_count() const { return account_count_; }
  void for_each(const std::function<void(const Session&)>& visit) const;
  // Until it gives false.
  void for_each_while(const std::function<bool(const Session&)>& visit) const;
  void for_each_account(const std::function<void(const LocalAccount&)>& visit) const;

 private:
  void make_room();

  // Keys are views into the account's own JID.
  boost::unordered_flat_map<std::string_view, std::unique_ptr<LocalAccount>,
                            std::hash<std::string_view>>
      accounts_;
  // Those that became idle, in that order; some may have sessions again, or be gone.
  std::deque<xmpp::Jid> idle_;
  std::atomic<std::size_t> session_count_ = 0;
  std::atomic<std::size_t> account_count_ = 0;
};

}  // namespace starling::core
