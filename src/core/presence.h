// Presence: who is told that a session is there, changed, or gone (RFC 6121 section 4).
//
// Runs on the home worker of the session's account; what needs the roster runs in the account's
// turn. Subscriptions, which decide who may be told, are in subscriptions.h.
#pragma once

#include <memory>

#include "base/task.h"
#include "core/roster.h"
#include "core/session.h"
#include "xmpp/stanza.h"

namespace starling::core {

struct LocalAccount;
class Worker;

class Presence {
 public:
  explicit Presence(Worker& worker) : worker_(worker) {}

  // Any presence stanza a client sends: broadcast (no 'to'), directed, or about a subscription.
  void outbound(Session& session, xmpp::Stanza stanza);

  // A contact's server asks for the account's presence (section 4.3.2). In the account's turn.
  Task<void> probed(xmpp::Stanza probe);

  // Asks for the presence of a session's contacts, as it may have missed some.
  void probe_contacts(SessionRef session);
  // RFC 6121 section 4.7.2.3; nullopt if it is none.
  [[nodiscard]] static std::optional<std::int8_t> priority_of(const xmpp::Stanza& presence);

  // A session is gone, by whatever way: tells everybody who knew that it was there (section 4.5).
  // `session` is no longer in the directory. `roster` is what the account had in memory.
  void session_ended(const Session& session, std::shared_ptr<const Roster> roster);

  // Sends the presence of each of the account's available sessions to one contact: as it is, or
  // as unavailable (after a subscription began or ended).
  void show_sessions(const LocalAccount& account, const xmpp::Jid& contact);
  void hide_sessions(const LocalAccount& account, const xmpp::Jid& contact);

 private:
  Task<void> broadcast(SessionRef ref, xmpp::Stanza stanza);
  void initial(Session& session, const Roster& roster);
  void probe_all(const Session& session, const Roster& roster);
  void announce(const Session& session, const Roster& roster, const xmpp::Stanza& stanza);
  void went_away(const xmpp::Jid& account, const xmpp::Stanza& stanza);
  [[nodiscard]] bool may_send(const xmpp::Jid& account, const xmpp::Stanza& stanza) const;
  void directed(Session& session, xmpp::Stanza stanza);

  Worker& worker_;
};

}  // namespace starling::core
