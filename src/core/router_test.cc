#include "core/router.h"

#include "core/test_server.h"

namespace starling::core {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class RouterTest : public ServerTest {
 protected:
  // All ids that a client received, in order.
  static std::string ids(TestClient& client) {
    static const std::regex id(" id='([^']*)'");
    std::string all;
    for (const auto& xml : client.take()) {
      std::smatch match;
      if (std::regex_search(xml, match, id)) all += match[1].str() + " ";
    }
    return all;
  }
};
INSTANTIATE_TEST_SUITE_P(Workers, RouterTest, testing::Values(1, 3));

TEST_P(RouterTest, ForgedSender_IsNotAccepted) {
  TestClient& alice = server_.online("alice@example.org/phone");
  TestClient& bob = server_.online("bob@example.org/phone");
  server_.connect("alice@example.org/tablet");
  for (const char* from : {"bob@example.org", "bob@example.org/phone", "example.org",
                           "alice@example.org/tablet", "alice@example.net"}) {
    for (const char* kind : {"message", "presence"}) {
      EXPECT_EQ(alice.send_now("<" + std::string(kind) + " from='" + from +
                               "' to='bob@example.org/phone'/>"),
                Router::Submitted::invalid_from)
          << from;
    }
  }
  server_.settle();
  EXPECT_THAT(bob.take(), IsEmpty());
}

TEST_P(RouterTest, OwnSender_IsStampedInFull) {
  TestClient& alice = server_.online("alice@example.org/phone");
  TestClient& bob = server_.online("bob@example.org/phone");
  alice.send("<message to='bob@example.org'/>",
             "<message to='bob@example.org' from='alice@example.org'/>",
             "<message to='bob@example.org' from='Alice@Example.org/phone'/>");
  const std::string stamped = "<message from='alice@example.org/phone' to='bob@example.org'/>";
  EXPECT_THAT(bob.take(), ElementsAre(stamped, stamped, stamped));
}

TEST_P(RouterTest, OtherDomain_IsOutOfReach) {
  TestClient& alice = server_.online("alice@example.org/phone");
  alice.send("<message id='1' to='x@elsewhere.example'/>",
             "<iq id='2' type='get' to='elsewhere.example'><q xmlns='urn:q'/></iq>",
             "<presence id='3' to='x@elsewhere.example'/>");
  const auto got = alice.take();
  ASSERT_EQ(got.size(), 3U);
  for (const auto& xml : got) EXPECT_THAT(xml, HasSubstr("<remote-server-not-found "));
}

TEST_P(RouterTest, ErrorsAndResults_AreNeverAnswered) {
  TestClient& alice = server_.online("alice@example.org/phone");
  const std::string error =
      "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
  for (const std::string to : {"example.org", "x@elsewhere.example", "bob@example.org",
                               "bob@example.org/gone", "alice@example.org"}) {
    alice.send("<message type='error' to='" + to + "'>" + error + "</message>",
               "<iq id='1' type='error' to='" + to + "'>" + error + "</iq>",
               "<iq id='1' type='result' to='" + to + "'/>");
  }
  alice.send("<presence type='error' to='x@elsewhere.example'>" + error + "</presence>",
             "<presence type='error'>" + error + "</presence>", "<presence type='probe'/>");
  EXPECT_THAT(alice.take(), IsEmpty());
}

TEST_P(RouterTest, Host_AnswersWhatNobodyHandles) {
  TestClient& alice = server_.online("alice@example.org/phone");
  alice.send("<iq id='1' type='get' to='example.org'><q xmlns='urn:q'/></iq>",
             "<message id='2' to='example.org'/>", "<presence id='3' to='example.org'/>");
  const auto got = alice.take();
  ASSERT_EQ(got.size(), 2U);
  EXPECT_THAT(got[0], HasSubstr("<iq from='example.org' to='alice@example.org/phone'"));
  for (const auto& xml : got) EXPECT_THAT(xml, HasSubstr("<service-unavailable "));
}

TEST_P(RouterTest, ManyStanzas_KeepTheirOrder) {
  TestClient& alice = server_.online("alice@example.org/phone");
  TestClient& bob = server_.online("bob@example.org/phone");
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    const std::string id = std::to_string(i);
    const std::string kind = i % 3 == 0 ? "presence" : "message";
    alice.send_now("<" + kind + " to='bob@example.org/phone' id='" + id + "'/>");
    expected += id + " ";
  }
  server_.settle();
  EXPECT_EQ(ids(bob), expected);
}

// What needs the store takes its time; nothing sent later comes before it.
TEST_P(RouterTest, BusySender_NothingOvertakes) {
  server_.write_item("alice@example.org", "bob@example.org", {.pending_in = true});
  server_.write_item("bob@example.org", "alice@example.org", {.pending_out = true});
  TestClient& bob = server_.online("bob@example.org/phone");
  bob.session().interested = true;
  TestClient& alice = server_.online("alice@example.org/phone");
  bob.take();
  server_.store().hold();
  alice.send("<presence type='subscribed' to='bob@example.org' id='a'/>",
             "<message to='bob@example.org' id='b'/>",
             "<presence to='bob@example.org/phone' id='c'/>",
             "<iq type='get' to='bob@example.org/phone' id='d'><q xmlns='urn:q'/></iq>",
             "<presence id='e'/>", "<message to='bob@example.org' id='f'/>");
  EXPECT_THAT(bob.take(), IsEmpty());
  server_.release_one_by_one();
  EXPECT_EQ(ids(bob), "a push b c d e f ");
}

TEST_P(RouterTest, BusyRecipient_NothingOvertakes) {
  server_.write_item("bob@example.org", "alice@example.org", {.from = true});
  TestClient& alice = server_.online("alice@example.org/phone");
  TestClient& bob = server_.online("bob@example.org/phone");
  bob.session().interested = true;
  server_.store().hold();
  bob.send("<presence type='subscribe' to='nobody@example.org'/>");
  alice.send("<presence type='unsubscribe' to='bob@example.org' id='1'/>",
             "<message to='bob@example.org' id='2'/>");
  server_.release_one_by_one();
  EXPECT_EQ(ids(bob), "push 1 push 2 ");
}

TEST_P(RouterTest, OwnAccountWhileBusy_KeepsItsPlace) {
  TestClient& alice = server_.online("alice@example.org/phone");
  server_.store().hold();
  alice.send("<presence type='subscribe' to='bob@example.org'/>",
             "<message to='alice@example.org' id='1'/>",
             "<presence to='alice@example.org/phone' id='2'/>",
             "<iq to='alice@example.org' type='get' id='3'><q xmlns='urn:q'/></iq>",
             "<message id='4'/>", "<presence id='5'/>", "<message id='6'/>");
  server_.store().release();
  server_.settle();
  // The refusal of the iq is an answer and may come later than what was sent before it.
  const std::string got = ids(alice);
  EXPECT_THAT(got, testing::StartsWith("1 2 4 5 6 ")) << got;
  EXPECT_THAT(got, HasSubstr("3 "));
}

TEST_P(RouterTest, DisconnectWhileBusy_ComesAfterWhatWasSent) {
  TestClient& alice = server_.online("alice@example.org/phone");
  TestClient& bob = server_.online("bob@example.org/phone");
  alice.send("<presence to='bob@example.org/phone' id='0'/>");
  server_.store().hold();
  alice.send("<presence type='subscribe' to='nobody@example.org'/>",
             "<message to='bob@example.org' id='1'/>");
  alice.disconnect();
  bob.take();
  server_.store().release();
  server_.settle();
  EXPECT_THAT(bob.take(), ElementsAre("<message from='alice@example.org/phone' "
                                      "to='bob@example.org' id='1'/>",
                                      "<presence from='alice@example.org/phone' "
                                      "to='bob@example.org/phone' type='unavailable'/>"));
}

}  // namespace
}  // namespace starling::core
