// Session: one connected resource, user@host/resource, from binding to unbinding
// (RFC 6120 section 7), and what RFC 6121 keeps about it while it lives.
//
// A session lives on the home worker of its account and is used on that worker's thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/slots.h"
#include "xmpp/errors.h"
#include "xmpp/jid.h"
#include "xmpp/stanza.h"

namespace starling::core {

// Why a session is to leave: the node of its account's sessions goes, or its connection is to go to
// another node.
enum class Leaving : std::uint8_t { home, connection };

// Outbox: where a session's stanzas leave the server. Implemented by stream/, so that core knows
// no sockets.
class Outbox {
 public:
  virtual ~Outbox() = default;
  // Queues a stanza for the client; order is kept. True if it stays owed until the client
  // acknowledges it (XEP-0198): then either Worker::acknowledged follows, or it is among
  // take_unacknowledged. Never unbinds at once: the caller may be walking over the account's
  // sessions.
  virtual bool deliver(const xmpp::Stanza& stanza) = 0;
  // What the client was sent and has not acknowledged, in order; afterwards there is none.
  virtual std::vector<xmpp::Stanza> take_unacknowledged() = 0;
  // True while much waits for the client already: what can come later should.
  [[nodiscard]] virtual bool congested() const = 0;
  // Ends the stream with a stream error. The session is unbound already.
  virtual void end(xmpp::StreamCondition condition, std::string_view text) = 0;
  // The session is to be parked, if it can be resumed (parking.h), or ended. Not at once, as end().
  virtual void leave(Leaving why) = 0;
  // It is connected, here, and would be parked.
  [[nodiscard]] virtual bool resumable() const { return false; }
  // Its connection is lost, and it ends if it is not resumed by then (wall clock); 0: it is not.
  [[nodiscard]] virtual std::int64_t lost_until_us() const { return 0; }
  // "203.0.113.7:51234", for logs and listings.
  [[nodiscard]] virtual std::string remote() const = 0;
  // The node of the connection; 0: this one.
  [[nodiscard]] virtual std::uint64_t node() const { return 0; }
  // How it is connected, in ejabberd's words: c2s, c2s_tls.
  [[nodiscard]] virtual std::string_view connection() const { return "c2s"; }
};

using SessionId = std::uint64_t;  // unique on a node while it runs; 0 is none

struct Session;

// Holdback: may keep stanzas from a client that does not need them now (XEP-0352).
class Holdback {
 public:
  virtual ~Holdback() = default;
  // True if it took the stanza, to send it later or never; false to have it delivered.
  virtual bool take(Session& session, const xmpp::Stanza& stanza) = 0;
  // Sends what it keeps, in order.
  virtual void release(Session& session) = 0;
};

struct LocalAccount;

struct Session {
  SessionId id = 0;
  LocalAccount* account = nullptr;  // whose it is, while it is in the directory
  xmpp::Jid jid;                    // full
  Outbox* outbox = nullptr;
  std::int64_t bound_at_us = 0;  // wall clock
  std::int64_t moved_at_us = 0;  // it was parked before, and claimed then; 0: it began here

  // The account is being removed (core/account_removal.h): nothing of this session may be written
  // any more, and what it sends is refused.
  bool closing = false;
  // The home of the account is another node (visitors.h); this is only the way there.
  bool visiting = false;
  // It counts among the sessions that are connected to this node.
  bool counted = true;
  // RFC 6121 section 2.2: it has asked for the roster and gets roster pushes.
  bool interested = false;
  // Section 4: the last presence without type, nullptr while unavailable; and its priority.
  std::unique_ptr<const xmpp::Stanza> presence;
  std::int8_t priority = 0;
  // Section 4.6: who was sent directed presence and must be told of the end. Created when needed.
  std::unique_ptr<std::set<xmpp::Jid>> directed;

  Slots slots;  // of modules
  std::unique_ptr<Holdback> holdback;

  // To the client, unless it is held back; true as Outbox::deliver.
  bool deliver(const xmpp::Stanza& stanza) {
    return !(holdback && holdback->take(*this, stanza)) && outbox->deliver(stanza);
  }
  // From now on nothing is held back.
  void end_holdback() {
    if (const auto ended = std::exchange(holdback, nullptr)) ended->release(*this);
  }
  [[nodiscard]] bool available() const { return presence != nullptr; }
};

// A session seen from code that may outlive it: resolve it on its worker (Directory::find).
struct SessionRef {
  xmpp::Jid jid;
  SessionId id = 0;
};

}  // namespace starling::core
