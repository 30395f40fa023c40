// Subscriptions: how rosters change, by presence stanzas (RFC 6121 section 3) and by roster sets
// (section 2). The pure rules are in subscription.h; this applies them: store first, then push to
// the user's clients, then tell the contact.
//
// Runs on the home worker of the account whose roster changes, in the account's turn.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/task.h"
#include "core/roster.h"
#include "core/session.h"
#include "xmpp/errors.h"
#include "xmpp/stanza.h"

namespace starling::core {

class Worker;

class Subscriptions {
 public:
  explicit Subscriptions(Worker& worker) : worker_(worker) {}

  // A client sends subscribe, subscribed, unsubscribe or unsubscribed.
  void outbound(Session& session, xmpp::Stanza stanza);
  // Such a stanza arrives for an account whose home is here. In the account's turn.
  Task<void> inbound(xmpp::Stanza stanza);

  // A roster set of one contact (section 2.3, 2.4) or its removal (section 2.5). To be called in
  // the account's turn. nullopt if done, else the error to answer with.
  Task<std::optional<xmpp::StanzaError>> update_contact(xmpp::Jid account, xmpp::Jid contact,
                                                        std::string name,
                                                        std::vector<std::string> groups);
  Task<std::optional<xmpp::StanzaError>> remove_contact(xmpp::Jid account, xmpp::Jid contact);

  // What an operator does: the contact as it shall be, subscription included, and pushed to the
  // account's clients. The contact's own roster is not touched; if it shall see the account, it is
  // shown its sessions, or that they are gone.
  Task<std::optional<xmpp::StanzaError>> set_contact(xmpp::Jid account, xmpp::Jid contact,
                                                     std::string name,
                                                     std::vector<std::string> groups,
                                                     bool subscribed_to, bool subscribed_from);

  // Tells the contact that the subscriptions of this former item are over (section 2.5.2).
  void end_both(const xmpp::Jid& account, const RosterItem& item);

 private:
  Task<void> apply_outbound(xmpp::Stanza stanza);
  // `visible`: clients are told of it, so the roster gets another version.
  Task<std::optional<xmpp::StanzaError>> save(xmpp::Jid account, std::shared_ptr<Roster> roster,
                                              RosterItem item, bool visible);
  // Nothing more fits into it; logged once while the roster is in memory.
  bool is_full(const xmpp::Jid& account, Roster& roster);
  void push(const xmpp::Jid& account, const Roster& roster, const std::string& item_xml);

  Worker& worker_;
};

}  // namespace starling::core
