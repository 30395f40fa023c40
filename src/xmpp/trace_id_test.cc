#include "xmpp/trace_id.h"

#include <gtest/gtest.h>

#include <set>

#include "xmpp/stanza.h"

namespace starling::xmpp {
namespace {

TEST(TraceId, Text_IsThatOfTraceContext) {
  const TraceId id{.high = 0x0123456789abcdef, .low = 0xfedcba9876543210};
  EXPECT_EQ(id.str(), "0123456789abcdeffedcba9876543210");
  EXPECT_EQ(TraceId::parse(id.str()), id);
  EXPECT_EQ(TraceId().str(), "");
}

TEST(TraceId, WhatIsNone_IsRefused) {
  for (const char* text :
       {"", "0123456789abcdeffedcba987654321", "00000000000000000000000000000000",
        "0123456789ABCDEFfedcba9876543210", "0123456789abcdefgedcba9876543210"}) {
    EXPECT_FALSE(TraceId::parse(text)) << text;
  }
}

TEST(TraceIds, None_IsGivenTwice) {
  std::set<std::string> given;
  TraceIds some(1, 2);
  TraceIds others(1, 3);
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_TRUE(given.insert(some.next().str()).second);
    EXPECT_TRUE(given.insert(others.next().str()).second);
  }
}

TEST(TraceIds, AnError_HasThatOfItsMessage) {
  Stanza message = Stanza::from_text("<message id='1' from='a@b/c' to='d@e'/>");
  message.set_trace_id({.high = 1, .low = 2});
  const Stanza error = make_error(message, {StanzaCondition::service_unavailable, "", {}});
  EXPECT_EQ(error.trace_id(), message.trace_id());
}

}  // namespace
}  // namespace starling::xmpp
