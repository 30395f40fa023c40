#include "core/delivery.h"

#include <utility>

#include "core/iq.h"
#include "core/worker.h"

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

}  // namespace

void Delivery::deliver(const Host& host, Stanza stanza) {
  auto& turns = worker_.turns();
  if (!is_for_account(stanza.type()) && !turns.busy(stanza.to().bare())) {
    return deliver_now(host, std::move(stanza));
  }
  const std::string bare(stanza.to().bare());
  turns.run(bare, [this, &host, stanza = std::move(stanza)]() mutable {
    return in_turn(host, std::move(stanza));
  });
}

// All that this stanza does, as one step: to queue a second one would let others overtake it.
Task<void> Delivery::in_turn(const Host& host, Stanza stanza) {
  if (is_for_account(stanza.type())) {
    if (stanza.type() == StanzaType::probe) return worker_.presence().probed(std::move(stanza));
    return worker_.subscriptions().inbound(std::move(stanza));
  }
  if (stanza.kind() == StanzaKind::iq && stanza.to().is_bare()) {
    return answer_iq_in_turn(worker_, host, std::move(stanza));
  }
  deliver_now(host, std::move(stanza));
  return completed();
}

void Delivery::deliver_now(const Host& host, Stanza stanza) {
  LocalAccount* account = worker_.directory().find(stanza.to().bare());
  if (stanza.to().is_bare()) {
    to_bare(host, account, std::move(stanza));
  } else {
    to_full(account, stanza);
  }
}

// RFC 6121 section 8.5.3: the full JID.
void Delivery::to_full(LocalAccount* account, const Stanza& stanza) {
  if (account != nullptr) {
    if (const Session* session = account->find(stanza.to().resource())) {
      return session->outbox->deliver(stanza);
    }
  }
  // 8.5.3.2: no resource matches.
  switch (stanza.kind()) {
    case StanzaKind::message:
      // 8.5.3.2.1: only a chat is as good with another resource; headline and error are dropped.
      if (stanza.type() == StanzaType::chat) return message_to_bare(account, stanza);
      if (stanza.type() == StanzaType::normal || stanza.type() == StanzaType::groupchat) {
        worker_.router().bounce(stanza, StanzaCondition::service_unavailable);
      }
      return;
    case StanzaKind::presence:
      return;
    case StanzaKind::iq:
      if (stanza.is_iq_request()) {
        worker_.router().bounce(stanza, StanzaCondition::service_unavailable);
      }
      return;
  }
}

// RFC 6121 section 8.5.2: the bare JID.
void Delivery::to_bare(const Host& host, LocalAccount* account, Stanza stanza) {
  switch (stanza.kind()) {
    case StanzaKind::message:
      return message_to_bare(account, stanza);
    case StanzaKind::presence:
      return presence_to_bare(account, stanza);
    case StanzaKind::iq:
      // The server answers on the user's behalf; no resource ever sees it.
      return answer_iq(worker_, host, At::account, std::move(stanza));
  }
}

// 8.5.2.1.1 and 8.5.2.2.1. Of the two ways the RFC allows for several resources, every resource
// with non-negative priority gets its copy: nobody has to guess where the user is looking.
void Delivery::message_to_bare(LocalAccount* account, const Stanza& stanza) {
  if (stanza.type() == StanzaType::error) return;
  if (stanza.type() == StanzaType::groupchat) {
    return worker_.router().bounce(stanza, StanzaCondition::service_unavailable);
  }
  bool delivered = false;
  if (account != nullptr) {
    for (const auto& session : account->sessions) {
      if (!session->available() || session->priority < 0) continue;
      session->outbox->deliver(stanza);
      delivered = true;
    }
  }
  if (!delivered && stanza.type() != StanzaType::headline) {
    worker_.router().bounce(stanza, StanzaCondition::service_unavailable);
  }
}

// 8.5.2.1.2: presence goes to every available resource, whatever its priority.
void Delivery::presence_to_bare(LocalAccount* account, const Stanza& stanza) {
  if (account == nullptr) return;
  for (const auto& session : account->sessions) {
    if (session->available()) session->outbox->deliver(stanza);
  }
}

}  // namespace starling::core
