// Delivery: hands a stanza to a local account's sessions by the rules of RFC 6121 section 8.5.
//
// Runs on the account's home worker. A stanza is delivered only to sessions of the account it is
// addressed to.
#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

#include "base/task.h"
#include "base/throttle.h"
#include "core/directory.h"
#include "core/module.h"
#include "xmpp/stanza.h"

namespace starling::core {

class Worker;

class Delivery {
 public:
  // Stanzas that wait for an account's turn, and writes to its archive that the store has not done.
  // More than this many are refused, so that they do not grow without end while the store is slow.
  static constexpr std::size_t kMaxUnderWay = 10'000;

  explicit Delivery(Worker& worker) : worker_(worker), overfull_log_(std::chrono::seconds(10)) {}

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

  // True if so much of the account is under way that nothing more is taken for it.
  [[nodiscard]] bool overfull(std::string_view bare, const LocalAccount* account);

  Worker& worker_;
  Throttle overfull_log_;
};

}  // namespace starling::core
