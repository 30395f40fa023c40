// Worker: everything one event loop's thread has of the server: the sessions of the accounts whose
// home it is, and the rules that move stanzas between them.
//
// Nothing here is shared between threads. Workers hand each other stanzas in batches: one wake-up
// per turn and destination, not per stanza. Used on its loop's thread only, but for index() and
// loop().
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"
#include "base/task.h"
#include "bus/bus.h"
#include "core/account_turns.h"
#include "core/archive.h"
#include "core/command_sessions.h"
#include "core/delivery.h"
#include "core/directory.h"
#include "core/journal.h"
#include "core/offline.h"
#include "core/parking.h"
#include "core/presence.h"
#include "core/remains.h"
#include "core/router.h"
#include "core/shown.h"
#include "core/subscriptions.h"
#include "core/trace.h"

namespace starling::core {

class Host;
class NodeCalls;
class Remote;
class Server;

class Worker {
 public:
  Worker(Server& server, std::size_t index, EventLoop& loop);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  [[nodiscard]] Server& server() { return server_; }
  [[nodiscard]] std::size_t index() const { return index_; }
  [[nodiscard]] EventLoop& loop() { return loop_; }
  [[nodiscard]] Gate& gate() { return gate_; }
  [[nodiscard]] Directory& directory() { return directory_; }
  [[nodiscard]] AccountTurns& turns() { return turns_; }
  [[nodiscard]] Router& router() { return router_; }
  [[nodiscard]] Delivery& delivery() { return delivery_; }
  [[nodiscard]] Archive& archive() { return archive_; }
  [[nodiscard]] Offline& offline() { return offline_; }
  [[nodiscard]] Presence& presence() { return presence_; }
  [[nodiscard]] Subscriptions& subscriptions() { return subscriptions_; }
  [[nodiscard]] CommandSessions& command_sessions() { return command_sessions_; }
  [[nodiscard]] Trace& trace() { return trace_; }
  [[nodiscard]] Journal& journal() { return journal_; }
  [[nodiscard]] Remote& remote() { return *remote_; }
  [[nodiscard]] NodeCalls& calls() { return *calls_; }
  [[nodiscard]] Parking& parking() { return parking_; }
  [[nodiscard]] Shown& shown() { return shown_; }
  [[nodiscard]] Remains& remains() { return remains_; }

  // The account, brought into memory; nullptr if there is none of that name. In the account's turn.
  // Errors: unavailable.
  Task<Result<LocalAccount*>> load(xmpp::Jid bare);

  // Binds a resource (RFC 6120 section 7), in the account's turn. A session that holds the same
  // full JID already is ended with <conflict/> (7.7.2.2: the newcomer wins, since it is the one
  // that is surely alive). Errors: not_found (the account or its host is gone), denied (it is
  // banned, account_ban.h), limit (the account or its host has as many sessions as it may have),
  // unavailable.
  // In a cluster the account's home may be another node; then the session is a visitor here.
  // `parked`: it is a session that was claimed (parking.h) and goes on; what it has missed is
  // added.
  Task<Result<Session*>> bind(xmpp::Jid full, Outbox& outbox, ParkedSession* parked = nullptr);
  // The same at the account's home, which is this node. `counted`: among the sessions that are
  // connected here.
  enum class Counted : bool { no, yes };
  Task<Result<Session*>> bind_here(xmpp::Jid full, Outbox& outbox, Counted counted,
                                   ParkedSession* parked = nullptr);

  // Accounts whose removal is under way (account_removal.h): nobody can bind as one of them.
  [[nodiscard]] std::set<xmpp::Jid>& removing() { return removing_; }

  // The session's stream is over: its contacts learn that it is unavailable, what it has not
  // acknowledged is offered to others, and it is gone.
  void unbind(Session& session);

  // The session's client has acknowledged these of its messages.
  void acknowledged(const Session& session, std::span<const ArchiveId> ids);
  // The session goes on at another node, with what its client was sent and may not have got
  // (XEP-0198, resumed there). Gives its home.
  bus::NodeId hand_over(Session& session, bus::NodeId to, SessionId expected,
                        std::vector<xmpp::Stanza> unacknowledged);
  // The client sent something that is no stanza. False if nobody knows that element.
  bool nonza(Session& session, const xml::Element& element);
  // Nothing is held back from the client any more (XEP-0352 section 5.2).
  void active(Session& session);

  // Ends a session with a stream error.
  void end_session(Session& session, xmpp::StreamCondition condition, std::string_view text);
  // Ends every session of the account with a stream error; returns how many.
  std::size_t end_sessions(std::string_view bare, xmpp::StreamCondition condition,
                           std::string_view text);

  void end_all_sessions(xmpp::StreamCondition condition, std::string_view text);

  // Ends what sessions there are, and takes nothing new; `ended` when all that was under way is.
  void stop(Gate::Callback ended);
  // Ends every session of a host that is not served any more with <host-gone/>.
  void end_sessions_of_hosts_gone();

  // The account's roster: from memory while it has sessions, else from the store. Only in the
  // account's turn, so that there is one copy of it and no change is lost.
  Task<Result<std::shared_ptr<Roster>>> roster(xmpp::Jid bare);
  // The same for those who only look, and may do so at any time; a change under way may be missed.
  Task<Result<std::shared_ptr<const Roster>>> peek_roster(xmpp::Jid bare);

  // Hands a stanza to the worker it belongs to, with this turn's batch.
  void send_to(std::size_t worker, xmpp::Stanza stanza);

  [[nodiscard]] SessionId next_session_id() { return (++last_session_ << 8) | index_; }

 private:
  void session_ended(const Session& gone, std::shared_ptr<const Roster> roster,
                     std::vector<xmpp::Stanza> unacknowledged);
  void flush_mailboxes();
  [[nodiscard]] static bool has_all_sessions(const Host& host, const LocalAccount& account);

  Server& server_;
  std::size_t index_;
  EventLoop& loop_;
  Gate gate_;
  Directory directory_;
  AccountTurns turns_;
  Router router_;
  Delivery delivery_;
  Archive archive_;
  Offline offline_;
  Presence presence_;
  Parking parking_;
  Shown shown_;
  Remains remains_;
  Subscriptions subscriptions_;
  CommandSessions command_sessions_;
  Trace trace_;
  Journal journal_{*this};
  std::unique_ptr<Remote> remote_;
  std::unique_ptr<NodeCalls> calls_;
  std::set<xmpp::Jid> removing_;
  SessionId last_session_ = 0;
  std::vector<std::vector<xmpp::Stanza>> mailboxes_;  // by destination, for this turn
  bool mailboxes_dirty_ = false;
};

}  // namespace starling::core
