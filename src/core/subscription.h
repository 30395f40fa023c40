// Subscription: the states of RFC 6121 appendix A and how each presence stanza changes them.
//
// Pure functions; the tables of appendix A.2 and A.3 are in subscription_test.cc.
#pragma once

#include "xmpp/stanza.h"

namespace starling::core {

struct Subscription {
  bool to = false;           // the user receives the contact's presence
  bool from = false;         // the contact receives the user's presence
  bool pending_out = false;  // the user has asked ("ask='subscribe'")
  bool pending_in = false;   // the contact has asked and waits for an answer
  bool approved = false;     // pre-approved by the user (section 3.4)

  friend bool operator==(const Subscription&, const Subscription&) = default;
};

// The roster's word for it: "none", "to", "from", "both".
[[nodiscard]] std::string_view subscription_name(const Subscription& state);

struct OutboundStep {
  Subscription next;
  bool route = false;  // send the stanza on to the contact
};
// The user sends subscribe, unsubscribe, subscribed or unsubscribed to a contact (A.2).
[[nodiscard]] OutboundStep outbound_step(Subscription state, xmpp::StanzaType type);

struct InboundStep {
  Subscription next;
  bool deliver = false;           // show the stanza to the user
  bool reply_subscribed = false;  // answer "subscribed" on the user's behalf
};
// The contact's subscribe, unsubscribe, subscribed or unsubscribed reaches the user (A.3).
[[nodiscard]] InboundStep inbound_step(Subscription state, xmpp::StanzaType type);

}  // namespace starling::core
