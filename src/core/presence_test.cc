#include "core/presence.h"

#include "core/test_server.h"

namespace starling::core {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr Subscription kTo{.to = true};
constexpr Subscription kFrom{.from = true};
constexpr Subscription kBoth{.to = true, .from = true};

constexpr const char* kAlice = "alice@example.org";
constexpr const char* kBob = "bob@example.org";

class PresenceTest : public ServerTest {
 protected:
  void make_friends() {
    server_.write_item(kAlice, kBob, kBoth);
    server_.write_item(kBob, kAlice, kBoth);
  }
};
INSTANTIATE_TEST_SUITE_P(Workers, PresenceTest, testing::Values(1, 3));

TEST_P(PresenceTest, Initial_GoesToSubscribersAndShowsContacts) {
  make_friends();
  TestClient& bob = server_.connect("bob@example.org/phone");
  bob.send("<presence><show>away</show></presence>");
  EXPECT_THAT(bob.take(), ElementsAre("<presence from='bob@example.org/phone' "
                                      "to='bob@example.org'><show>away</show></presence>"));
  TestClient& alice = server_.connect("alice@example.org/phone");
  alice.send("<presence id='p'/>");
  EXPECT_THAT(bob.take(), ElementsAre("<presence from='alice@example.org/phone' "
                                      "to='bob@example.org' id='p'/>"));
  // Her own, as every available resource gets it, and the answer to the probe.
  EXPECT_THAT(
      alice.take(),
      ElementsAre("<presence from='alice@example.org/phone' to='alice@example.org' id='p'/>",
                  "<presence from='bob@example.org/phone' to='alice@example.org/phone'>"
                  "<show>away</show></presence>"));
}

TEST_P(PresenceTest, Initial_MeetsTheOtherResources) {
  TestClient& phone = server_.online("alice@example.org/phone");
  TestClient& connected = server_.connect("alice@example.org/connected");
  TestClient& tablet = server_.connect("alice@example.org/tablet");
  tablet.send("<presence/>");
  const std::string of_tablet =
      "<presence from='alice@example.org/tablet' to='alice@example.org'/>";
  EXPECT_THAT(phone.take(), ElementsAre(of_tablet));
  EXPECT_THAT(tablet.take(),
              ElementsAre(of_tablet,
                          "<presence from='alice@example.org/phone' to='alice@example.org/tablet'>"
                          "<priority>0</priority></presence>"));
  EXPECT_THAT(connected.take(), IsEmpty());
}

TEST_P(PresenceTest, Initial_ShowsWaitingRequestsEveryTime) {
  server_.write_item(kAlice, kBob, {.pending_in = true},
                     "<presence from='bob@example.org' to='alice@example.org' type='subscribe'>"
                     "<status>hi</status></presence>");
  TestClient& alice = server_.connect("alice@example.org/phone");
  for (int i = 0; i < 2; ++i) {
    alice.send("<presence/>");
    EXPECT_THAT(alice.take(),
                ElementsAre("<presence from='alice@example.org/phone' to='alice@example.org'/>",
                            "<presence from='bob@example.org' to='alice@example.org' "
                            "type='subscribe'><status>hi</status></presence>"));
    alice.send("<presence type='unavailable'/>");
    alice.take();
  }
}

TEST_P(PresenceTest, Update_IsBroadcastButProbesNobody) {
  make_friends();
  TestClient& bob = server_.online("bob@example.org/phone");
  TestClient& alice = server_.online("alice@example.org/phone");
  bob.take();
  alice.send("<presence><show>dnd</show></presence>");
  EXPECT_THAT(bob.take(), ElementsAre("<presence from='alice@example.org/phone' "
                                      "to='bob@example.org'><show>dnd</show></presence>"));
  EXPECT_THAT(alice.take(), ElementsAre("<presence from='alice@example.org/phone' "
                                        "to='alice@example.org'><show>dnd</show></presence>"));
}

TEST_P(PresenceTest, OneSidedSubscription_ShowsOneSideOnly) {
  server_.write_item(kAlice, kBob, kTo);
  server_.write_item(kBob, kAlice, kFrom);
  TestClient& bob = server_.online("bob@example.org/phone");
  TestClient& alice = server_.connect("alice@example.org/phone");
  alice.send("<presence/>");
  EXPECT_THAT(bob.take(), IsEmpty());
  EXPECT_EQ(alice.take().size(), 2U);  // her own and his
}

TEST_P(PresenceTest, Unavailable_IsToldToAllAndEndsDelivery) {
  make_friends();
  TestClient& bob = server_.online("bob@example.org/phone");
  TestClient& alice = server_.online("alice@example.org/phone");
  bob.take();
  alice.send("<presence type='unavailable'><status>bye</status></presence>",
             "<presence type='unavailable'/>");  // the second says nothing new
  EXPECT_THAT(bob.take(), ElementsAre("<presence from='alice@example.org/phone' "
                                      "to='bob@example.org' type='unavailable'>"
                                      "<status>bye</status></presence>"));
  alice.take();
  EXPECT_FALSE(alice.session().available());
  bob.send("<presence/>");
  EXPECT_THAT(alice.take(), IsEmpty());
  alice.disconnect();
  EXPECT_EQ(bob.take().size(), 1U);  // his own
}

TEST_P(PresenceTest, Disconnect_IsToldLikeUnavailable) {
  make_friends();
  TestClient& bob = server_.online("bob@example.org/phone");
  TestClient& phone = server_.online("alice@example.org/phone");
  TestClient& tablet = server_.online("alice@example.org/tablet");
  bob.take();
  phone.disconnect();
  EXPECT_THAT(bob.take(), ElementsAre("<presence from='alice@example.org/phone' "
                                      "to='bob@example.org' type='unavailable'/>"));
  EXPECT_THAT(tablet.take(), ElementsAre("<presence from='alice@example.org/phone' "
                                         "to='alice@example.org' type='unavailable'/>"));
  EXPECT_THAT(phone.take(),
              ElementsAre("<presence from='alice@example.org/tablet' "
                          "to='alice@example.org'><priority>0</priority></presence>"));
  tablet.disconnect();  // the last one: its roster goes with it, but not too early
  EXPECT_EQ(bob.take().size(), 1U);
}

TEST_P(PresenceTest, DisconnectWithoutPresence_IsNobodysBusiness) {
  make_friends();
  TestClient& bob = server_.online("bob@example.org/phone");
  server_.connect("alice@example.org/phone").disconnect();
  EXPECT_THAT(bob.take(), IsEmpty());
}

TEST_P(PresenceTest, Directed_ReachesStrangersWhoAreToldOfTheEnd) {
  TestClient& bob = server_.online("bob@example.org/phone");
  TestClient& tablet = server_.online("bob@example.org/tablet");
  bob.take();
  TestClient& alice = server_.online("alice@example.org/phone");
  alice.send("<presence to='bob@example.org/phone'/>");
  EXPECT_THAT(bob.take(), ElementsAre("<presence from='alice@example.org/phone' "
                                      "to='bob@example.org/phone'/>"));
  alice.send("<presence><show>xa</show></presence>");  // not for him
  alice.disconnect();
  EXPECT_THAT(bob.take(), ElementsAre("<presence from='alice@example.org/phone' "
                                      "to='bob@example.org/phone' type='unavailable'/>"));
  EXPECT_THAT(tablet.take(), IsEmpty());
}

TEST_P(PresenceTest, DirectedUnavailable_EndsItOnce) {
  TestClient& bob = server_.online("bob@example.org/phone");
  TestClient& alice = server_.online("alice@example.org/phone");
  alice.send("<presence to='bob@example.org/phone'/>",
             "<presence to='bob@example.org/phone' type='unavailable'/>");
  EXPECT_EQ(bob.take().size(), 2U);
  alice.disconnect();
  EXPECT_THAT(bob.take(), IsEmpty());
}

TEST_P(PresenceTest, DirectedThenUnavailable_IsToldOnceOnly) {
  make_friends();
  TestClient& bob = server_.online("bob@example.org/phone");
  TestClient& alice = server_.online("alice@example.org/phone");
  alice.send("<presence to='bob@example.org/phone'/>");
  bob.take();
  alice.send("<presence type='unavailable'/>");
  EXPECT_THAT(bob.take(), ElementsAre("<presence from='alice@example.org/phone' "
                                      "to='bob@example.org' type='unavailable'/>"));
  alice.disconnect();
  EXPECT_THAT(bob.take(), IsEmpty());
}

TEST_P(PresenceTest, DirectedWhileUnavailable_EndsWithUnavailableToo) {
  make_friends();
  TestClient& bob = server_.online("bob@example.org/phone");
  for (const bool says_so : {true, false}) {
    TestClient& alice = server_.connect("alice@example.org/phone");
    alice.send("<presence to='bob@example.org'/>");
    EXPECT_EQ(bob.take().size(), 1U);
    if (says_so) {
      alice.send("<presence type='unavailable'/>");
      EXPECT_FALSE(alice.session().directed);
    }
    alice.disconnect();
    EXPECT_THAT(bob.take(), ElementsAre("<presence from='alice@example.org/phone' "
                                        "to='bob@example.org' type='unavailable'/>"));
  }
}

TEST_P(PresenceTest, BadPriority_IsRefusedAndChangesNothing) {
  make_friends();
  TestClient& bob = server_.online("bob@example.org/phone");
  TestClient& alice = server_.online("alice@example.org/phone", 7);
  bob.take();
  for (const char* bad : {"128", "-129", "high", "", "1.5", "99999999999"}) {
    alice.send("<presence id='p'><priority>" + std::string(bad) + "</priority></presence>");
    const auto got = alice.take();
    ASSERT_EQ(got.size(), 1U) << bad;
    EXPECT_NE(got[0].find("<bad-request "), std::string::npos) << bad;
    EXPECT_NE(got[0].find(" id='p'"), std::string::npos) << bad;
    EXPECT_EQ(alice.session().priority, 7);
  }
  EXPECT_THAT(bob.take(), IsEmpty());
}

TEST_P(PresenceTest, Priority_ReachesItsLimits) {
  TestClient& alice = server_.online("alice@example.org/phone", -128);
  EXPECT_EQ(alice.session().priority, -128);
  alice.send("<presence><priority>127</priority></presence>");
  EXPECT_EQ(alice.session().priority, 127);
  alice.send("<presence/>");
  EXPECT_EQ(alice.session().priority, 0);
}

TEST_P(PresenceTest, ProbeOfAStranger_ShowsNothingAndCancelsWhatSheBelieves) {
  server_.write_item(kAlice, kBob, kTo);  // bob's roster knows nothing of it
  TestClient& bob = server_.online("bob@example.org/phone");
  TestClient& alice = server_.connect("alice@example.org/phone");
  alice.session().interested = true;
  alice.send("<presence/>");
  EXPECT_THAT(alice.take(),
              ElementsAre("<presence from='alice@example.org/phone' to='alice@example.org'/>",
                          "<presence from='bob@example.org' to='alice@example.org' "
                          "type='unsubscribed'/>",
                          "<iq to='alice@example.org/phone' type='set' id='push'><query "
                          "xmlns='jabber:iq:roster'><item jid='bob@example.org' "
                          "subscription='none'/></query></iq>"));
  EXPECT_THAT(bob.take(), IsEmpty());
}

TEST_P(PresenceTest, ProbeByTheClient_IsAnsweredForSubscribersOnly) {
  server_.write_item(kBob, kAlice, kFrom);
  TestClient& phone = server_.online("bob@example.org/phone");
  TestClient& tablet = server_.online("bob@example.org/tablet");
  TestClient& alice = server_.online("alice@example.org/phone");
  phone.take();
  tablet.take();
  alice.send("<presence type='probe' to='bob@example.org/phone'/>");
  EXPECT_EQ(alice.take().size(), 2U);
  EXPECT_THAT(phone.take(), IsEmpty());  // it is the server that answers
}

TEST_P(PresenceTest, StoreFailure_TellsTheClientAndLeavesItUnavailable) {
  make_friends();
  TestClient& bob = server_.online("bob@example.org/phone");
  TestClient& alice = server_.connect("alice@example.org/phone");
  server_.store().fail_call(1);
  alice.send("<presence id='p'/>");
  const auto got = alice.take();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_NE(got[0].find("<resource-constraint "), std::string::npos);
  EXPECT_FALSE(alice.session().available());
  EXPECT_THAT(bob.take(), IsEmpty());
  alice.send("<presence/>");  // trying again helps
  EXPECT_EQ(bob.take().size(), 1U);
}

TEST_P(PresenceTest, DisconnectWhileTheRosterLoads_IsSilent) {
  make_friends();
  TestClient& bob = server_.online("bob@example.org/phone");
  TestClient& alice = server_.connect("alice@example.org/phone");
  server_.store().hold();
  alice.send("<presence/>");
  EXPECT_EQ(server_.store().held(), 1U);
  alice.disconnect();
  server_.store().release();
  server_.settle();
  EXPECT_THAT(bob.take(), IsEmpty());
}

// A subscription granted a moment ago, in the same turn of the loop, counts.
TEST_P(PresenceTest, NewSubscriber_SeesTheNextPresence) {
  server_.write_item(kAlice, kBob, {.pending_in = true});
  server_.write_item(kBob, kAlice, {.pending_out = true});
  TestClient& bob = server_.online("bob@example.org/phone");
  TestClient& alice = server_.online("alice@example.org/phone");
  bob.take();
  alice.send("<presence to='bob@example.org' type='subscribed'/>",
             "<presence><show>dnd</show></presence>");
  EXPECT_THAT(bob.take(),
              ElementsAre("<presence from='alice@example.org/phone' to='bob@example.org'>"
                          "<priority>0</priority></presence>",
                          "<presence from='alice@example.org/phone' to='bob@example.org'>"
                          "<show>dnd</show></presence>"));
}

}  // namespace
}  // namespace starling::core
