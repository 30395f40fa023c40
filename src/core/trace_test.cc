#include "core/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/test_session.h"
#include "xmpp/ns.h"

namespace starling::core {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string redacted_text(std::string_view xml) {
  const auto document = xml::Document::parse(xml, xmpp::ns::kClient);
  EXPECT_TRUE(document) << xml;
  return redacted(document->root());
}

TEST(Redacted, WhatPeopleWrite_IsReplacedByItsLength) {
  EXPECT_EQ(redacted_text("<message to='a@b'><subject>Hi</subject><body>a &lt; b</body></message>"),
            "<message to='a@b'><subject>[2]</subject><body>[5]</body></message>");
  EXPECT_EQ(redacted_text("<iq type='set' id='1'><query xmlns='jabber:iq:register'>"
                          "<username>bob</username><password>secret</password></query></iq>"),
            "<iq type='set' id='1'><query xmlns='jabber:iq:register'>"
            "<username>[3]</username><password>[6]</password></query></iq>");
  EXPECT_EQ(redacted_text("<iq type='set' id='1'><x xmlns='jabber:x:data'><field var='a'>"
                          "<value>v</value></field></x></iq>"),
            "<iq type='set' id='1'><x xmlns='jabber:x:data'><field var='a'>"
            "<value>[1]</value></field></x></iq>");
  EXPECT_EQ(redacted_text("<message><a>\n  <b/></a></message>"), "<message><a><b/></a></message>");
  EXPECT_EQ(redacted_text("<message><x xmlns='a:b'>mixed<y/></x></message>"),
            "<message><x xmlns='a:b'>[5]<y/></x></message>");
}

TEST(Redacted, WhatTheProtocolSays_IsShown) {
  EXPECT_EQ(redacted_text("<presence><show>dnd</show><priority>5</priority>"
                          "<status>Busy</status></presence>"),
            "<presence><show>dnd</show><priority>5</priority><status>[4]</status></presence>");
  const std::string error =
      "<message type='error'><error type='cancel'>"
      "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
      "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>no such</text></error></message>";
  EXPECT_EQ(redacted_text(error), error);
}

TEST(Redacted, SecretsInAttributes_AreReplacedByTheirLength) {
  EXPECT_EQ(redacted_text("<message><x xmlns='jabber:x:conference' jid='r@m' password='abc'/>"
                          "</message>"),
            "<message><x xmlns='jabber:x:conference' jid='r@m' password='[3]'/></message>");
  EXPECT_EQ(redacted_text("<iq><q xmlns='a:b' accessToken='1234' key='12'/></iq>"),
            "<iq><q xmlns='a:b' accessToken='[4]' key='[2]'/></iq>");
}

class TraceTest : public ::testing::Test {
 protected:
  TraceTest() {
    session_.id = 3;
    session_.jid = *xmpp::Jid::parse("alice@example.org/phone");
  }
  std::uint64_t watch(std::string_view jid) {
    return trace_.watch(*xmpp::Jid::parse(jid),
                        [this](const Trace::Line& line) { lines_.push_back(line.xml); });
  }
  void pass(const std::string& xml) {
    trace_.stanza(Trace::Direction::out, 1, session_, xmpp::Stanza::from_text(xml));
  }

  Trace trace_;
  Session session_;
  std::vector<std::string> lines_;
};

TEST_F(TraceTest, AccountAndSession_AreWatchedByTheirAddresses) {
  EXPECT_FALSE(trace_.watches(session_.jid));
  const auto account = watch("alice@example.org");
  const auto session = watch("alice@example.org/phone");
  watch("alice@example.org/laptop");
  watch("bob@example.org");
  EXPECT_TRUE(trace_.watches(session_.jid));
  pass("<presence/>");
  EXPECT_THAT(lines_, SizeIs(2));
  trace_.unwatch(account);
  trace_.unwatch(session);
  pass("<presence/>");
  EXPECT_THAT(lines_, SizeIs(2));
}

TEST(Redacted, WhatPeopleWrite_IsShownToWhomItMayBe_ButNoSecrets) {
  const auto shown = [](const std::string& xml) {
    return redacted(xml::Document::parse(xml, xmpp::ns::kClient)->root(), Trace::Texts::shown);
  };
  const std::string message = "<message to='a@b'><body>a &lt; b</body></message>";
  EXPECT_EQ(shown(message), message);
  EXPECT_EQ(shown("<iq type='set' id='1'><query xmlns='jabber:iq:register'>"
                  "<username>bob</username><password>secret</password></query></iq>"),
            "<iq type='set' id='1'><query xmlns='jabber:iq:register'>"
            "<username>bob</username><password>[6]</password></query></iq>");
  EXPECT_EQ(shown("<iq type='set' id='1'><x xmlns='jabber:x:data'><field var='a'><value>v</value>"
                  "</field><field var='b' type='text-private'><value>w</value></field></x></iq>"),
            "<iq type='set' id='1'><x xmlns='jabber:x:data'><field var='a'><value>v</value>"
            "</field><field var='b' type='text-private'><value>[1]</value></field></x></iq>");
}

TEST_F(TraceTest, TwoWhoMaySeeDifferently_SeeDifferently) {
  watch("alice@example.org");
  trace_.watch(
      session_.jid, [this](const Trace::Line& line) { lines_.push_back(line.xml); },
      Trace::Texts::shown);
  pass("<message><body>hello</body></message>");
  EXPECT_THAT(lines_, ElementsAre("<message><body>[5]</body></message>",
                                  "<message><body>hello</body></message>"));
}

TEST_F(TraceTest, LongStanza_IsCut) {
  watch("alice@example.org");
  pass("<message id='" + std::string(100'000, 'x') + "'/>");
  ASSERT_THAT(lines_, ElementsAre(HasSubstr("xxx...")));
  EXPECT_LT(lines_[0].size(), 10'000U);
}

}  // namespace
}  // namespace starling::core
