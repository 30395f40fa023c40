#include "core/delivery.h"

#include <utility>
#include <vector>

#include "base/log.h"
#include "base/metrics.h"
#include "core/archive_rules.h"
#include "core/iq.h"
#include "core/remote.h"
#include "core/server.h"
#include "core/worker.h"
#include "xmpp/ns.h"

namespace starling::core {

using xmpp::Stanza;
using xmpp::StanzaCondition;
using xmpp::StanzaKind;
using xmpp::StanzaType;

namespace {

// Subscriptions and probes are the account's, whatever resource somebody wrote (section 3.1.3), and
// always take its turn.
bool is_for_account(StanzaType type) {
  return type == StanzaType::subscribe || type == StanzaType::subscribed ||
         type == StanzaType::unsubscribe || type == StanzaType::unsubscribed ||
         type == StanzaType::probe;
}

// What is worth finding out whether the account exists, and whom it has blocked.
bool needs_account(const Stanza& stanza) {
  switch (stanza.kind()) {
    case StanzaKind::message:
      return stanza.type() == StanzaType::normal || stanza.type() == StanzaType::chat;
    case StanzaKind::iq:
      return stanza.is_iq_request() && stanza.to().is_bare();
    case StanzaKind::presence:
      return is_for_account(stanza.type());
  }
  return false;
}

// Of the two ways that section 8.5.2.1.1 allows for several resources, every resource with
// non-negative priority gets its copy: nobody has to guess where the user is looking.
std::vector<Session*> available_sessions(const LocalAccount& account) {
  std::vector<Session*> found;
  for (const auto& session : account.sessions) {
    if (session->available() && session->priority >= 0) found.push_back(session.get());
  }
  return found;
}

// Section 8.5, for messages: who gets it.
std::vector<Session*> recipients_of(const LocalAccount& account, const Stanza& message) {
  const StanzaType type = message.type();
  if (!message.to().is_bare()) {
    if (Session* session = account.find(message.to().resource())) return {session};
    // 8.5.3.2.1: only a chat is as good with another resource.
    return type == StanzaType::chat ? available_sessions(account) : std::vector<Session*>();
  }
  // 8.5.2.1.1 and 8.5.2.2.1: an error or a groupchat is for a resource.
  if (type == StanzaType::error || type == StanzaType::groupchat) return {};
  return available_sessions(account);
}

// A message that reached nobody: true if it may wait for the account's next session.
bool may_wait(const Stanza& message) {
  return message.to().is_bare() || message.type() == StanzaType::chat;
}

// And if it may not: true if its sender is told.
bool is_missed(const Stanza& message) {
  const StanzaType type = message.type();
  return type == StanzaType::groupchat ||
         ((type == StanzaType::normal || type == StanzaType::chat) && has_body(message));
}

}  // namespace

void Delivery::deliver(const Host& host, Stanza stanza) {
  auto& turns = worker_.turns();
  const auto bare = stanza.to().bare();
  LocalAccount* account = worker_.directory().find(bare);
  if (overfull(bare, account)) {
    return worker_.router().bounce(stanza, StanzaCondition::resource_constraint,
                                   "too much waits for this account");
  }
  if (!is_for_account(stanza.type()) && !turns.busy(bare) &&
      (account != nullptr || !needs_account(stanza))) {
    return deliver_now(host, account, std::move(stanza));
  }
  turns.run(std::string(bare), [this, &host, stanza = std::move(stanza)]() mutable {
    return in_turn(host, std::move(stanza));
  });
}

bool Delivery::overfull(std::string_view bare, const LocalAccount* account) {
  const AccountTurns& turns = worker_.turns();
  const std::size_t waiting = turns.busy(bare) ? turns.waiting(bare) : 0;
  const std::size_t under_way = waiting + (account != nullptr ? account->appending : 0);
  if (under_way < kMaxUnderWay) return false;
  static metrics::Counter& refused =
      metrics::counter("starling_backlog_refusals_total",
                       "Stanzas refused because too many waited for their account");
  refused.add();
  if (const auto held_back = overfull_log_.pass(worker_.loop().now())) {
    log::warning("account_backlog_full",
                 {{"jid", bare}, {"stanzas", under_way}, {"not_logged", *held_back}});
  }
  return true;
}

// All that this stanza does, as one step: to queue a second one would let others overtake it.
Task<void> Delivery::in_turn(const Host& host, Stanza stanza) {
  // The account may have gone to another node while this waited.
  if (worker_.server().cluster() != nullptr && worker_.remote().route(stanza)) co_return;
  if (needs_account(stanza)) {
    const auto account = co_await worker_.load(stanza.to().to_bare());
    if (!account) {
      worker_.router().bounce(stanza, StanzaCondition::resource_constraint,
                              "the account is not accessible at the moment");
      co_return;
    }
    if (*account == nullptr) {
      // Section 8.5.1: there is no such user.
      worker_.journal().note(Journal::Event::no_account, stanza);
      if (stanza.kind() != StanzaKind::presence) {
        worker_.router().bounce(stanza, StanzaCondition::service_unavailable);
      }
      co_return;
    }
  }
  co_await dispatch_in_turn(host, std::move(stanza));
}

Task<void> Delivery::dispatch_in_turn(const Host& host, Stanza stanza) {
  LocalAccount* account = worker_.directory().find(stanza.to().bare());
  const bool blocked = account != nullptr && host.blocks_inbound(*account, stanza);
  if (!blocked && is_for_account(stanza.type())) {
    if (stanza.type() == StanzaType::probe) return worker_.presence().probed(std::move(stanza));
    return worker_.subscriptions().inbound(std::move(stanza));
  }
  if (!blocked && stanza.kind() == StanzaKind::iq && stanza.to().is_bare()) {
    return answer_iq_in_turn(worker_, host, std::move(stanza));
  }
  deliver_now(host, account, std::move(stanza));
  return completed();
}

void Delivery::deliver_now(const Host& host, LocalAccount* account, Stanza stanza) {
  if (account != nullptr && host.blocks_inbound(*account, stanza)) return refuse_blocked(stanza);
  switch (stanza.kind()) {
    case StanzaKind::message:
      return message(host, account, std::move(stanza));
    case StanzaKind::presence:
      return presence(account, stanza);
    case StanzaKind::iq:
      return iq(host, account, std::move(stanza));
  }
}

// XEP-0191 section 3.3: to whom is blocked, the user looks offline.
void Delivery::refuse_blocked(const Stanza& stanza) {
  if (stanza.kind() == StanzaKind::presence) return;
  worker_.journal().note(Journal::Event::blocked, stanza);
  worker_.router().bounce(stanza, StanzaCondition::service_unavailable);
}

void Delivery::message(const Host& host, LocalAccount* account, Stanza stanza) {
  Journal& journal = worker_.journal();
  std::vector<Session*> recipients;
  bool stored = false;
  if (account != nullptr) {
    remove_foreign_ids(stanza, account->bare);
    recipients = recipients_of(*account, stanza);
    Keep keep = keep_of(stanza);
    if (keep == Keep::archived && !host.archives(*account, stanza.from())) keep = Keep::delivered;
    stored = keep != Keep::nothing && (!recipients.empty() || may_wait(stanza));
    if (stored) {
      worker_.archive().store_incoming(*account, keep, stanza);
      journal.note(keep == Keep::archived ? Journal::Event::archived : Journal::Event::kept, stanza,
                   stanza.archive_id());
      // While a client works off what waited for it, what is new lines up behind.
      if (recipients.size() == 1 && recipients[0]->id == account->catching_up) recipients.clear();
    }
  }
  std::size_t holders = 0;
  for (Session* session : recipients) {
    if (session->holdback) {
      journal.note(Journal::Event::inactive, stanza, session->id, session->jid.resource());
    }
    holders += session->deliver(stanza) ? 1 : 0;
  }
  if (stored) worker_.offline().stored(*account, stanza.archive_id(), recipients.size(), holders);
  if (recipients.empty()) {
    journal.note(stored ? Journal::Event::waits : Journal::Event::dropped, stanza,
                 stanza.archive_id());
  }
  if (!stored && recipients.empty() && is_missed(stanza)) {
    return worker_.router().bounce(stanza, StanzaCondition::service_unavailable);
  }
  if (account != nullptr) host.message_delivered(worker_, *account, stanza, recipients);
}

void Delivery::presence(LocalAccount* account, const Stanza& stanza) {
  if (account == nullptr) return;
  worker_.parking().presence_came(*account, stanza);
  if (!stanza.to().is_bare()) {
    // 8.5.3.1, 8.5.3.2.2: that resource or nobody.
    if (Session* session = account->find(stanza.to().resource())) session->deliver(stanza);
    return;
  }
  // 8.5.2.1.2: every available resource, whatever its priority.
  for (const auto& session : account->sessions) {
    if (session->available()) session->deliver(stanza);
  }
}

void Delivery::iq(const Host& host, LocalAccount* account, Stanza stanza) {
  // 8.5.2.1.3: the server answers on the user's behalf; no resource ever sees it.
  if (stanza.to().is_bare()) return answer_iq(worker_, host, At::account, std::move(stanza));
  Session* session = account != nullptr ? account->find(stanza.to().resource()) : nullptr;
  if (session != nullptr) {
    session->deliver(stanza);
  } else if (stanza.is_iq_request()) {
    worker_.router().bounce(stanza, StanzaCondition::service_unavailable);
  }
}

}  // namespace starling::core
