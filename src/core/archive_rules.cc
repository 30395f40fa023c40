#include "core/archive_rules.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "xmpp/ns.h"

namespace starling::core {

using xmpp::StanzaType;

namespace {

// What is part of a conversation without a <body/>: any element of these namespaces ...
constexpr std::array<std::string_view, 12> kMeaningful{
    "eu.siacs.conversations.axolotl",  // XEP-0384, as most clients speak it
    "urn:xmpp:omemo:1",                // XEP-0384
    "urn:xmpp:omemo:2",                // XEP-0384
    "urn:xmpp:openpgp:0",              // XEP-0373
    "jabber:x:encrypted",              // XEP-0027
    xmpp::ns::kReceipts,               // XEP-0184
    "urn:xmpp:message-correct:0",      // XEP-0308
    "urn:xmpp:reactions:0",            // XEP-0444
    "urn:xmpp:message-retract:1",      // XEP-0424
    "urn:xmpp:fasten:0",               // XEP-0422
    xmpp::ns::kConference,             // XEP-0249
    "urn:xmpp:jingle-message:0",       // XEP-0353
};
// ... but not a mere request for a receipt or a marker, which comes with what it is about.
bool is_meaningful(const xml::Element& child) {
  const std::string_view ns = child.ns();
  if (ns == xmpp::ns::kClient) return child.name() == "body" || child.name() == "subject";
  if (ns == xmpp::ns::kReceipts) return child.name() == "received";
  if (ns == xmpp::ns::kChatMarkers) return child.name() != "markable";
  // A mediated invitation or its refusal (XEP-0045 section 7.8.2).
  if (ns == xmpp::ns::kMucUser) return child.child("invite", ns) || child.child("decline", ns);
  return std::ranges::find(kMeaningful, ns) != kMeaningful.end();
}

}  // namespace

Keep keep_of(const xmpp::Stanza& message) {
  if (message.type() != StanzaType::normal && message.type() != StanzaType::chat) {
    return Keep::nothing;
  }
  bool meaningful = false;
  bool store = false;
  bool not_for_long = false;
  for (const xml::Element child : message.element().children()) {
    if (child.ns() == xmpp::ns::kHints) {
      if (child.name() == "no-store") return Keep::nothing;
      store = store || child.name() == "store";
      // Its name until version 0.3 of XEP-0334, still sent.
      not_for_long = not_for_long || child.name() == "no-permanent-store" ||
                     child.name() == "no-permanent-storage";
    } else {
      meaningful = meaningful || is_meaningful(child);
    }
  }
  if (!meaningful && !store) return Keep::nothing;
  return not_for_long ? Keep::delivered : Keep::archived;
}

bool has_body(const xmpp::Stanza& message) {
  return message.element().child("body", xmpp::ns::kClient).has_value();
}

}  // namespace starling::core
