#include "core/subscription.h"

#include <gtest/gtest.h>

#include <array>

namespace starling::core {
namespace {

using xmpp::StanzaType;

// The nine states, in the order of RFC 6121 appendix A.1.
constexpr Subscription kNone{};
constexpr Subscription kNoneOut{.pending_out = true};
constexpr Subscription kNoneIn{.pending_in = true};
constexpr Subscription kNoneOutIn{.pending_out = true, .pending_in = true};
constexpr Subscription kTo{.to = true};
constexpr Subscription kToIn{.to = true, .pending_in = true};
constexpr Subscription kFrom{.from = true};
constexpr Subscription kFromOut{.from = true, .pending_out = true};
constexpr Subscription kBoth{.to = true, .from = true};

struct Row {
  const char* name;
  Subscription state;
  bool passed_on;  // routed to the contact (A.2), delivered to the user (A.3)
  Subscription next;
};
using Table = std::array<Row, 9>;

// A.2.1
constexpr Table kOutboundSubscribe{{
    {"None", kNone, true, kNoneOut},
    {"None + Pending Out", kNoneOut, true, kNoneOut},
    {"None + Pending In", kNoneIn, true, kNoneOutIn},
    {"None + Pending Out+In", kNoneOutIn, true, kNoneOutIn},
    {"To", kTo, true, kTo},
    {"To + Pending In", kToIn, true, kToIn},
    {"From", kFrom, true, kFromOut},
    {"From + Pending Out", kFromOut, true, kFromOut},
    {"Both", kBoth, true, kBoth},
}};

// A.2.2
constexpr Table kOutboundUnsubscribe{{
    {"None", kNone, true, kNone},
    {"None + Pending Out", kNoneOut, true, kNone},
    {"None + Pending In", kNoneIn, true, kNoneIn},
    {"None + Pending Out+In", kNoneOutIn, true, kNoneIn},
    {"To", kTo, true, kNone},
    {"To + Pending In", kToIn, true, kNoneIn},
    {"From", kFrom, true, kFrom},
    {"From + Pending Out", kFromOut, true, kFrom},
    {"Both", kBoth, true, kFrom},
}};

// A.2.3; where it is not routed and the contact has no subscription, section 3.4 makes it a
// pre-approval.
constexpr Subscription approved(Subscription state) {
  state.approved = true;
  return state;
}
constexpr Table kOutboundSubscribed{{
    {"None", kNone, false, approved(kNone)},
    {"None + Pending Out", kNoneOut, false, approved(kNoneOut)},
    {"None + Pending In", kNoneIn, true, kFrom},
    {"None + Pending Out+In", kNoneOutIn, true, kFromOut},
    {"To", kTo, false, approved(kTo)},
    {"To + Pending In", kToIn, true, kBoth},
    {"From", kFrom, false, kFrom},
    {"From + Pending Out", kFromOut, false, kFromOut},
    {"Both", kBoth, false, kBoth},
}};

// A.2.4
constexpr Table kOutboundUnsubscribed{{
    {"None", kNone, false, kNone},
    {"None + Pending Out", kNoneOut, false, kNoneOut},
    {"None + Pending In", kNoneIn, true, kNone},
    {"None + Pending Out+In", kNoneOutIn, true, kNoneOut},
    {"To", kTo, false, kTo},
    {"To + Pending In", kToIn, true, kTo},
    {"From", kFrom, true, kNone},
    {"From + Pending Out", kFromOut, true, kNoneOut},
    {"Both", kBoth, true, kTo},
}};

// A.3.1
constexpr Table kInboundSubscribe{{
    {"None", kNone, true, kNoneIn},
    {"None + Pending Out", kNoneOut, true, kNoneOutIn},
    {"None + Pending In", kNoneIn, false, kNoneIn},
    {"None + Pending Out+In", kNoneOutIn, false, kNoneOutIn},
    {"To", kTo, true, kToIn},
    {"To + Pending In", kToIn, false, kToIn},
    {"From", kFrom, false, kFrom},
    {"From + Pending Out", kFromOut, false, kFromOut},
    {"Both", kBoth, false, kBoth},
}};

// A.3.2
constexpr Table kInboundUnsubscribe{{
    {"None", kNone, false, kNone},
    {"None + Pending Out", kNoneOut, false, kNoneOut},
    {"None + Pending In", kNoneIn, true, kNone},
    {"None + Pending Out+In", kNoneOutIn, true, kNoneOut},
    {"To", kTo, false, kTo},
    {"To + Pending In", kToIn, true, kTo},
    {"From", kFrom, true, kNone},
    {"From + Pending Out", kFromOut, true, kNoneOut},
    {"Both", kBoth, true, kTo},
}};

// A.3.3
constexpr Table kInboundSubscribed{{
    {"None", kNone, false, kNone},
    {"None + Pending Out", kNoneOut, true, kTo},
    {"None + Pending In", kNoneIn, false, kNoneIn},
    {"None + Pending Out+In", kNoneOutIn, true, kToIn},
    {"To", kTo, false, kTo},
    {"To + Pending In", kToIn, false, kToIn},
    {"From", kFrom, false, kFrom},
    {"From + Pending Out", kFromOut, true, kBoth},
    {"Both", kBoth, false, kBoth},
}};

// A.3.4
constexpr Table kInboundUnsubscribed{{
    {"None", kNone, false, kNone},
    {"None + Pending Out", kNoneOut, true, kNone},
    {"None + Pending In", kNoneIn, false, kNoneIn},
    {"None + Pending Out+In", kNoneOutIn, true, kNoneIn},
    {"To", kTo, true, kNone},
    {"To + Pending In", kToIn, true, kNoneIn},
    {"From", kFrom, false, kFrom},
    {"From + Pending Out", kFromOut, true, kFrom},
    {"Both", kBoth, true, kFrom},
}};

void check_outbound(const Table& table, StanzaType type) {
  for (const Row& row : table) {
    const OutboundStep step = outbound_step(row.state, type);
    EXPECT_EQ(step.route, row.passed_on) << row.name;
    EXPECT_EQ(step.next, row.next) << row.name;
  }
}

void check_inbound(const Table& table, StanzaType type) {
  for (const Row& row : table) {
    const InboundStep step = inbound_step(row.state, type);
    EXPECT_EQ(step.deliver, row.passed_on) << row.name;
    EXPECT_EQ(step.next, row.next) << row.name;
    EXPECT_EQ(step.reply_subscribed, type == StanzaType::subscribe && row.state.from) << row.name;
  }
}

TEST(Subscription, OutboundSubscribe_FollowsA21) {
  check_outbound(kOutboundSubscribe, StanzaType::subscribe);
}
TEST(Subscription, OutboundUnsubscribe_FollowsA22) {
  check_outbound(kOutboundUnsubscribe, StanzaType::unsubscribe);
}
TEST(Subscription, OutboundSubscribed_FollowsA23) {
  check_outbound(kOutboundSubscribed, StanzaType::subscribed);
}
TEST(Subscription, OutboundUnsubscribed_FollowsA24) {
  check_outbound(kOutboundUnsubscribed, StanzaType::unsubscribed);
}
TEST(Subscription, InboundSubscribe_FollowsA31) {
  check_inbound(kInboundSubscribe, StanzaType::subscribe);
}
TEST(Subscription, InboundUnsubscribe_FollowsA32) {
  check_inbound(kInboundUnsubscribe, StanzaType::unsubscribe);
}
TEST(Subscription, InboundSubscribed_FollowsA33) {
  check_inbound(kInboundSubscribed, StanzaType::subscribed);
}
TEST(Subscription, InboundUnsubscribed_FollowsA34) {
  check_inbound(kInboundUnsubscribed, StanzaType::unsubscribed);
}

TEST(Subscription, PreApproved_AnswersTheRequestWithoutAsking) {
  for (const Subscription state : {kNone, kNoneOut, kTo}) {
    const InboundStep step = inbound_step(approved(state), StanzaType::subscribe);
    EXPECT_TRUE(step.reply_subscribed);
    EXPECT_FALSE(step.deliver);
    EXPECT_TRUE(step.next.from);
    EXPECT_FALSE(step.next.pending_in);
    EXPECT_EQ(step.next.to, state.to);
    EXPECT_EQ(step.next.pending_out, state.pending_out);
  }
}

TEST(Subscription, PreApproved_IsTakenBackByUnsubscribed) {
  const OutboundStep step = outbound_step(approved(kNone), StanzaType::unsubscribed);
  EXPECT_FALSE(step.route);
  EXPECT_EQ(step.next, kNone);
}

TEST(Subscription, PreApproved_SurvivesWhatTheContactSends) {
  for (const StanzaType type :
       {StanzaType::unsubscribe, StanzaType::subscribed, StanzaType::unsubscribed}) {
    EXPECT_TRUE(inbound_step(approved(kTo), type).next.approved);
  }
}

TEST(Subscription, Name_IsTheRostersWord) {
  EXPECT_EQ(subscription_name(kNone), "none");
  EXPECT_EQ(subscription_name(kNoneOutIn), "none");
  EXPECT_EQ(subscription_name(kToIn), "to");
  EXPECT_EQ(subscription_name(kFromOut), "from");
  EXPECT_EQ(subscription_name(kBoth), "both");
}

}  // namespace
}  // namespace starling::core
