#include "modules/test_modules.h"

namespace starling::modules {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kTyping = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";

class CsiModule : public ModuleTest {
 protected:
  CsiModule() { say("inactive"); }

  void say(std::string_view state) {
    const auto document =
        xml::Document::parse("<" + std::string(state) + " xmlns='urn:xmpp:csi:0'/>");
    const auto* handler = server_.server().host("example.org")->find_nonza(document->root());
    ASSERT_NE(handler, nullptr);
    (*handler)(alice_.session(), document->root());
  }
  // What alice gets, from whatever address, as soon as it comes.
  std::vector<std::string> get(std::string_view stanza) {
    alice_.session().deliver(core::stanza_of(stanza));
    return alice_.take();
  }
  static std::string presence(const std::string& from, const std::string& status) {
    return "<presence from='" + from + "'><status>" + status + "</status></presence>";
  }

  core::TestClient& alice_ = server_.online("alice@example.org/phone");
  core::TestClient& bob_ = server_.connect("bob@example.org/phone");
};
INSTANTIATE_TEST_SUITE_P(Workers, CsiModule, testing::Values(1));

TEST_P(CsiModule, LatestPresence_WaitsUntilActive) {
  EXPECT_THAT(get(presence("a@example.net/x", "1")), IsEmpty());
  EXPECT_THAT(get(presence("b@example.net/x", "1")), IsEmpty());
  EXPECT_THAT(get(presence("a@example.net/x", "2")), IsEmpty());
  EXPECT_THAT(get(presence("a@example.net/y", "1")), IsEmpty());
  EXPECT_THAT(get("<presence from='b@example.net/x' type='unavailable'/>"), IsEmpty());
  say("active");
  EXPECT_THAT(alice_.take(),
              ElementsAre(presence("a@example.net/x", "2"), presence("a@example.net/y", "1"),
                          "<presence from='b@example.net/x' type='unavailable'/>"));
  EXPECT_THAT(get(presence("a@example.net/x", "3")), SizeIs(1));
}

TEST_P(CsiModule, ALotOfPresence_IsNotHeldBackWithoutEnd) {
  const std::string status(100'000, 'x');
  std::size_t held = 0;
  while (get(presence("a@example.net/" + std::to_string(held), status)).empty()) {
    ASSERT_LT(++held, 20U);
  }
  EXPECT_GT(held, 5U);
  // One who changes it all the time does not count twice.
  for (int i = 0; i < 30; ++i) EXPECT_THAT(get(presence("b@example.net/x", status)), IsEmpty());
}

TEST_P(CsiModule, WhatMatters_ComesAtOnceAndInOrder) {
  for (const std::string stanza :
       {"<message from='b@example.net/x' type='chat'><body>hi</body></message>",
        "<message from='b@example.net/x'><data xmlns='urn:test'/></message>",
        "<message from='b@example.net/x'/>",
        "<message from='b@example.net/x' type='error' id='1'><error type='cancel'/></message>",
        "<iq from='b@example.net/x' type='result' id='1'/>",
        "<presence from='b@example.net' type='subscribe'/>",
        "<presence from='b@example.net' type='unsubscribed'/>",
        "<presence from='b@example.net/x' type='error'><error type='cancel'/></presence>",
        "<presence from='alice@example.org/phone' to='alice@example.org'/>",
        "<presence from='room@example.net/me'><x xmlns='http://jabber.org/protocol/muc#user'>"
        "<status code='110'/></x></presence>"}) {
    EXPECT_THAT(get(presence("a@example.net/x", "1")), IsEmpty());
    EXPECT_THAT(get(stanza), ElementsAre(presence("a@example.net/x", "1"), stanza));
  }
  say("active");
  EXPECT_THAT(alice_.take(), IsEmpty());
}

TEST_P(CsiModule, ChatStatesAlone_AreDropped) {
  const std::string message = "<message from='b@example.net/x' type='chat'>";
  const std::string copy =
      "<message from='alice@example.org' type='chat'><received xmlns='urn:xmpp:carbons:2'>"
      "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' type='chat'>";
  const std::string copy_end = "</message></forwarded></received></message>";
  const std::string body = "<body>hi</body>";
  EXPECT_THAT(get(presence("a@example.net/x", "1")), IsEmpty());
  EXPECT_THAT(get(message + kTyping + "</message>"), IsEmpty());
  EXPECT_THAT(get(message + "<thread>t</thread>" + kTyping +
                  "<no-store xmlns='urn:xmpp:hints'/>"
                  "<stanza-id xmlns='urn:xmpp:sid:0' by='b@example.net' id='1'/></message>"),
              IsEmpty());
  EXPECT_THAT(get(copy + kTyping + copy_end), IsEmpty());
  say("active");
  EXPECT_THAT(alice_.take(), SizeIs(1));  // the presence
  say("inactive");
  EXPECT_THAT(get(message + kTyping + body + "</message>"), SizeIs(1));
  EXPECT_THAT(get(copy + kTyping + body + copy_end), SizeIs(1));
  EXPECT_THAT(
      get("<message from='b@example.net/x' type='error'>" + std::string(kTyping) + "</message>"),
      SizeIs(1));
}

// A chat state that its sender wants to be stored is a message that is owed.
TEST_P(CsiModule, ArchivedMessage_IsNotDropped) {
  bob_.send("<message to='alice@example.org' type='chat'>" + std::string(kTyping) +
            "<store xmlns='urn:xmpp:hints'/></message>");
  EXPECT_THAT(alice_.take(), SizeIs(1));
}

TEST_P(CsiModule, VeryManyPresences_AreNotKept) {
  std::size_t got = 0;
  for (int i = 0; i < 1'500; ++i) {
    got += get(presence("u" + std::to_string(i) + "@example.net/x", "1")).size();
  }
  EXPECT_GT(got, 0U);
  say("active");
  EXPECT_EQ(got + alice_.take().size(), 1'500U);
}

// XEP-0198: whoever sent it is not kept waiting for the acknowledgement.
TEST_P(CsiModule, KeptPresence_HoldsNobodyUp) {
  struct Told final : xmpp::Receipt {
    explicit Told(bool& done) : done(done) {}
    ~Told() override { done = true; }
    bool& done;
  };
  bool done = false;
  {
    auto stanza = core::stanza_of(presence("a@example.net/x", "1"));
    stanza.set_receipt(xmpp::ReceiptPtr(new Told(done)));
    alice_.session().deliver(stanza);
  }
  EXPECT_TRUE(done);
  EXPECT_THAT(alice_.take(), IsEmpty());
}

TEST_P(CsiModule, States_MayBeToldTwice) {
  EXPECT_THAT(get(presence("a@example.net/x", "1")), IsEmpty());
  say("inactive");
  EXPECT_THAT(alice_.take(), IsEmpty());
  say("active");
  say("active");
  EXPECT_THAT(alice_.take(), SizeIs(1));
}

TEST_P(CsiModule, EndOfTheSession_IsNoReasonToSend) {
  get(presence("a@example.net/x", "1"));
  alice_.disconnect();
  EXPECT_THAT(alice_.take(), IsEmpty());
}

TEST_P(CsiModule, StreamFeature_IsOffered) {
  xml::Writer w;
  w.open("features");
  server_.server().host("example.org")->write_stream_features(w);
  w.close();
  EXPECT_THAT(std::move(w).take(), HasSubstr("<csi xmlns='urn:xmpp:csi:0'/>"));
}

}  // namespace
}  // namespace starling::modules
