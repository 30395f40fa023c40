// Router: decides where a stanza goes: to the server itself, to a local account's home worker, or
// back to its sender as an error.
//
// Runs on the worker of the stream that read the stanza. Never blocks, never throws.
//
// Invariants:
//  (1) Every iq get or set is answered exactly once, by a handler or by an error.
//  (2) Stanzas from one session to one account keep their order (RFC 6120 section 10.1).
//  (3) No error is ever answered with an error (RFC 6120 section 8.3.1).
//
// See docs/life-of-a-stanza.md.
#pragma once

#include <cstdint>

#include "core/session.h"
#include "xmpp/stanza.h"

namespace starling::core {

class Host;
class Worker;

class Router {
 public:
  explicit Router(Worker& worker) : worker_(worker) {}

  enum class Submitted : std::uint8_t {
    accepted,
    invalid_from,  // the client claims an address that is not its own: a stream error
  };
  // What a client sent on its session: stamps the sender and applies the rules of RFC 6120
  // section 10.3 (no 'to') and of outbound presence, then routes it.
  Submitted submit(Session& session, xmpp::Stanza stanza);

  // A message in the name of a local account, which is in memory, in its turn: whom it has blocked
  // gets nothing, and it is archived.
  void send(xmpp::Stanza stanza);

  // A stanza that the server itself made, with 'from' and 'to'.
  void route_own(xmpp::Stanza stanza);
  // A stanza with 'from' and 'to', from anywhere.
  void route(xmpp::Stanza stanza);

  // Answers `offending` with an error, unless it is an error or an iq result itself.
  void bounce(const xmpp::Stanza& offending, xmpp::StanzaCondition condition,
              std::string_view text = {});
  void bounce(const xmpp::Stanza& offending, const xmpp::StanzaError& error);
  // If the account may not send this (XEP-0191, say), tells the session so and is true.
  bool refused(const xmpp::Stanza& stanza);

 private:
  // It has come from nobody's stream.
  void begin(xmpp::Stanza& stanza);
  // `account` is the sender's, nullptr if it is not in memory.
  void send_for(LocalAccount* account, xmpp::Stanza stanza);
  bool refused(const LocalAccount* account, const xmpp::Stanza& stanza);
  void to_host(const Host& host, xmpp::Stanza stanza);

  Worker& worker_;
};

}  // namespace starling::core
