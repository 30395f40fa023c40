#include "core/subscription.h"

namespace starling::core {

using xmpp::StanzaType;

std::string_view subscription_name(const Subscription& state) {
  if (state.to) return state.from ? "both" : "to";
  return state.from ? "from" : "none";
}

OutboundStep outbound_step(Subscription state, StanzaType type) {
  OutboundStep step{state, false};
  Subscription& next = step.next;
  switch (type) {
    case StanzaType::subscribe:  // A.2.1
      next.pending_out = !state.to;
      step.route = true;
      break;
    case StanzaType::unsubscribe:  // A.2.2
      next.to = next.pending_out = false;
      step.route = true;
      break;
    case StanzaType::subscribed:  // A.2.3
      if (state.pending_in) {
        next.from = true;
        next.pending_in = false;
        step.route = true;
      } else if (!state.from) {
        next.approved = true;  // section 3.4.2
      }
      break;
    case StanzaType::unsubscribed:  // A.2.4
      step.route = state.from || state.pending_in;
      next.from = next.pending_in = next.approved = false;
      break;
    default:
      break;
  }
  return step;
}

InboundStep inbound_step(Subscription state, StanzaType type) {
  InboundStep step{state, false, false};
  Subscription& next = step.next;
  switch (type) {
    case StanzaType::subscribe:  // A.3.1
      if (state.from) {
        step.reply_subscribed = true;
      } else if (state.approved) {
        next.from = true;
        next.pending_in = false;
        step.reply_subscribed = true;
      } else if (!state.pending_in) {
        next.pending_in = true;
        step.deliver = true;
      }
      break;
    case StanzaType::unsubscribe:  // A.3.2
      step.deliver = state.from || state.pending_in;
      next.from = next.pending_in = false;
      break;
    case StanzaType::subscribed:  // A.3.3
      if (state.pending_out) {
        next.to = true;
        next.pending_out = false;
        step.deliver = true;
      }
      break;
    case StanzaType::unsubscribed:  // A.3.4
      step.deliver = state.to || state.pending_out;
      next.to = next.pending_out = false;
      break;
    default:
      break;
  }
  return step;
}

}  // namespace starling::core
