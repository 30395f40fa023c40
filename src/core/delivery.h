// Delivery: hands a stanza to a local account's sessions by the rules of RFC 6121 section 8.5.
//
// Runs on the account's home worker. A stanza is delivered only to sessions of the account it is
// addressed to.
#pragma once

#include "base/task.h"
#include "core/directory.h"
#include "core/module.h"
#include "xmpp/stanza.h"

namespace starling::core {

class Worker;

class Delivery {
 public:
  explicit Delivery(Worker& worker) : worker_(worker) {}

  // `stanza` is addressed to an account of `host`, with or without resource. If something of the
  // account is under way, it waits its turn.
  void deliver(const Host& host, xmpp::Stanza stanza);

 private:
  Task<void> in_turn(const Host& host, xmpp::Stanza stanza);
  Task<void> dispatch_in_turn(const Host& host, xmpp::Stanza stanza);
  void deliver_now(const Host& host, LocalAccount* account, xmpp::Stanza stanza);
  void message(const Host& host, LocalAccount* account, xmpp::Stanza stanza);
  void presence(LocalAccount* account, const xmpp::Stanza& stanza);
  void iq(const Host& host, LocalAccount* account, xmpp::Stanza stanza);
  void refuse_blocked(const xmpp::Stanza& stanza);

  Worker& worker_;
};

}  // namespace starling::core
