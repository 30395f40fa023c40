#include "core/subscriptions.h"

#include "base/metrics.h"
#include "core/test_server.h"

namespace starling::core {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Subscription kNone{};
constexpr Subscription kTo{.to = true};
constexpr Subscription kFrom{.from = true};
constexpr Subscription kBoth{.to = true, .from = true};

constexpr const char* kAlice = "alice@example.org";
constexpr const char* kBob = "bob@example.org";

std::string push(const std::string& full, const std::string& item) {
  return "<iq to='" + full + "' type='set' id='push'><query xmlns='jabber:iq:roster'>" + item +
         "</query></iq>";
}

class SubscriptionsTest : public ServerTest {
 protected:
  TestClient& interested(const char* full) {
    TestClient& client = server_.online(full);
    client.session().interested = true;
    return client;
  }
  void set_both(Subscription of_alice, Subscription of_bob) {
    server_.write_item(kAlice, kBob, of_alice);
    server_.write_item(kBob, kAlice, of_bob);
  }
  Subscription stored(const char* owner, const char* contact) {
    const auto item = server_.stored_item(owner, contact);
    return item ? item->subscription : kNone;
  }
  std::optional<xmpp::StanzaError> remove(const char* owner, const char* contact) {
    return in_turn(owner, [=](Worker& worker) {
      return worker.subscriptions().remove_contact(jid(owner), jid(contact));
    });
  }
  std::optional<xmpp::StanzaError> update(const char* owner, const char* contact,
                                          const char* name) {
    return in_turn(owner, [=](Worker& worker) {
      return worker.subscriptions().update_contact(jid(owner), jid(contact), name, {"g"});
    });
  }

 private:
  using Error = std::optional<xmpp::StanzaError>;
  static Task<void> keep(Task<Error> task, Error* out) { *out = co_await std::move(task); }
  template <class Fn>
  Error in_turn(const char* owner, Fn fn) {
    Error error;
    Worker& worker = server_.home(owner);
    server_.loop(worker.index()).inside([&] {
      worker.turns().run(owner, [&] { return keep(fn(worker), &error); });
    });
    server_.settle();
    return error;
  }
};
INSTANTIATE_TEST_SUITE_P(Workers, SubscriptionsTest, testing::Values(1, 3));

TEST_P(SubscriptionsTest, SubscribeAndGrant_OnlineContact) {
  TestClient& alice = interested("alice@example.org/phone");
  TestClient& bob = interested("bob@example.org/phone");
  alice.send("<presence id='1' to='bob@example.org/whatever' type='subscribe'/>");
  EXPECT_THAT(alice.take(), ElementsAre(push("alice@example.org/phone",
                                             "<item jid='bob@example.org' "
                                             "subscription='none' ask='subscribe'/>")));
  EXPECT_THAT(bob.take(), ElementsAre("<presence from='alice@example.org' to='bob@example.org' "
                                      "id='1' type='subscribe'/>"));
  EXPECT_FALSE(server_.stored_item(kBob, kAlice)->listed());

  bob.send("<presence to='alice@example.org' type='subscribed'/>");
  EXPECT_THAT(bob.take(), ElementsAre(push("bob@example.org/phone",
                                           "<item jid='alice@example.org' subscription='from'/>")));
  EXPECT_THAT(alice.take(),
              ElementsAre("<presence from='bob@example.org' to='alice@example.org' "
                          "type='subscribed'/>",
                          push("alice@example.org/phone",
                               "<item jid='bob@example.org' subscription='to'/>"),
                          "<presence from='bob@example.org/phone' to='alice@example.org'>"
                          "<priority>0</priority></presence>"));
  EXPECT_EQ(stored(kAlice, kBob), kTo);
  EXPECT_EQ(stored(kBob, kAlice), kFrom);
  EXPECT_EQ(server_.stored_item(kBob, kAlice)->request, "");
}

TEST_P(SubscriptionsTest, Refusal_LeavesTheContactInTheRoster) {
  TestClient& alice = interested("alice@example.org/phone");
  TestClient& bob = interested("bob@example.org/phone");
  alice.send("<presence to='bob@example.org' type='subscribe'/>");
  alice.take();
  bob.take();
  bob.send("<presence to='alice@example.org' type='unsubscribed'/>");
  EXPECT_THAT(bob.take(), IsEmpty());  // she never was in his roster
  EXPECT_THAT(alice.take(), ElementsAre("<presence from='bob@example.org' to='alice@example.org' "
                                        "type='unsubscribed'/>",
                                        push("alice@example.org/phone",
                                             "<item jid='bob@example.org' subscription='none'/>")));
  ASSERT_TRUE(server_.stored_item(kAlice, kBob));
  EXPECT_TRUE(server_.stored_item(kAlice, kBob)->listed());
  EXPECT_FALSE(server_.stored_item(kBob, kAlice));
}

TEST_P(SubscriptionsTest, OfflineContact_FindsTheRequestWithItsContent) {
  TestClient& alice = server_.online("alice@example.org/phone");
  alice.send(
      "<presence to='bob@example.org' type='subscribe'><status>hi &amp; ho</status></presence>",
      "<presence to='bob@example.org' type='subscribe'/>");
  TestClient& bob = server_.connect("bob@example.org/phone");
  bob.send("<presence/>");
  EXPECT_THAT(bob.take(),
              ElementsAre("<presence from='bob@example.org/phone' to='bob@example.org'/>",
                          "<presence from='alice@example.org' to='bob@example.org' "
                          "type='subscribe'><status>hi &amp; ho</status></presence>"));
  bob.send("<presence to='alice@example.org' type='subscribed'/>");
  EXPECT_EQ(stored(kBob, kAlice), kFrom);
}

TEST_P(SubscriptionsTest, OversizedRequest_IsKeptWithoutItsContent) {
  TestClient& alice = server_.online("alice@example.org/phone");
  alice.send("<presence to='bob@example.org' type='subscribe'><status>" + std::string(5'000, 'x') +
             "</status></presence>");
  TestClient& bob = server_.connect("bob@example.org/phone");
  bob.send("<presence/>");
  EXPECT_THAT(bob.take(),
              ElementsAre("<presence from='bob@example.org/phone' to='bob@example.org'/>",
                          "<presence from='alice@example.org' to='bob@example.org' "
                          "type='subscribe'/>"));
}

TEST_P(SubscriptionsTest, UnknownUser_StaysSilentAndLeavesNoTrace) {
  TestClient& alice = server_.online("alice@example.org/phone");
  alice.send("<presence to='nobody@example.org' type='subscribe'/>");
  EXPECT_THAT(alice.take(), IsEmpty());
  EXPECT_FALSE(server_.stored_item("nobody@example.org", kAlice));
}

TEST_P(SubscriptionsTest, Push_GoesToInterestedResourcesOnly) {
  TestClient& phone = interested("alice@example.org/phone");
  TestClient& tablet = server_.online("alice@example.org/tablet");
  TestClient& hidden = server_.connect("alice@example.org/hidden");
  hidden.session().interested = true;
  phone.take();
  phone.send("<presence to='bob@example.org' type='subscribe'/>");
  const std::string item = "<item jid='bob@example.org' subscription='none' ask='subscribe'/>";
  EXPECT_THAT(phone.take(), ElementsAre(push("alice@example.org/phone", item)));
  EXPECT_THAT(hidden.take(), ElementsAre(push("alice@example.org/hidden", item)));
  EXPECT_THAT(tablet.take(), IsEmpty());
}

TEST_P(SubscriptionsTest, Granted_IsShownToInterestedResourcesEvenIfUnavailable) {
  set_both({.pending_out = true}, {.pending_in = true});
  TestClient& hidden = server_.connect("alice@example.org/hidden");
  hidden.session().interested = true;
  TestClient& bob = server_.connect("bob@example.org/phone");
  bob.send("<presence to='alice@example.org' type='subscribed'/>");
  EXPECT_THAT(hidden.take(), ElementsAre("<presence from='bob@example.org' to='alice@example.org' "
                                         "type='subscribed'/>",
                                         push("alice@example.org/hidden",
                                              "<item jid='bob@example.org' subscription='to'/>")));
}

TEST_P(SubscriptionsTest, Cancelled_SubscriberSeesAllResourcesGo) {
  set_both(kBoth, kBoth);
  TestClient& alice = interested("alice@example.org/phone");
  TestClient& bob = interested("bob@example.org/phone");
  alice.take();
  bob.send("<presence to='alice@example.org' type='unsubscribed'/>");
  EXPECT_THAT(alice.take(), ElementsAre("<presence from='bob@example.org/phone' "
                                        "to='alice@example.org' type='unavailable'/>",
                                        "<presence from='bob@example.org' to='alice@example.org' "
                                        "type='unsubscribed'/>",
                                        push("alice@example.org/phone",
                                             "<item jid='bob@example.org' subscription='from'/>")));
  EXPECT_EQ(stored(kBob, kAlice), kTo);
  EXPECT_EQ(stored(kAlice, kBob), kFrom);
}

TEST_P(SubscriptionsTest, Unsubscribed_ByTheSubscriberSeesResourcesGo) {
  set_both(kBoth, kBoth);
  TestClient& alice = interested("alice@example.org/phone");
  TestClient& bob = interested("bob@example.org/phone");
  alice.take();
  alice.send("<presence to='bob@example.org' type='unsubscribe'/>");
  EXPECT_THAT(alice.take(), ElementsAre(push("alice@example.org/phone",
                                             "<item jid='bob@example.org' subscription='from'/>"),
                                        "<presence from='bob@example.org/phone' "
                                        "to='alice@example.org' type='unavailable'/>"));
  EXPECT_THAT(bob.take(), ElementsAre("<presence from='alice@example.org' to='bob@example.org' "
                                      "type='unsubscribe'/>",
                                      push("bob@example.org/phone",
                                           "<item jid='alice@example.org' subscription='to'/>")));
}

TEST_P(SubscriptionsTest, PreApproved_RequestIsGrantedUnseen) {
  TestClient& bob = interested("bob@example.org/phone");
  bob.send("<presence to='alice@example.org' type='subscribed'/>");
  EXPECT_THAT(bob.take(), ElementsAre(push("bob@example.org/phone",
                                           "<item jid='alice@example.org' subscription='none' "
                                           "approved='true'/>")));
  EXPECT_TRUE(server_.stored_item(kBob, kAlice)->listed());
  TestClient& alice = server_.online("alice@example.org/phone");
  alice.send("<presence to='bob@example.org' type='subscribe'/>");
  EXPECT_THAT(alice.take(),
              ElementsAre("<presence from='bob@example.org/phone' "
                          "to='alice@example.org'><priority>0</priority></presence>"));
  EXPECT_THAT(bob.take(), ElementsAre(push("bob@example.org/phone",
                                           "<item jid='alice@example.org' subscription='from' "
                                           "approved='true'/>")));
  EXPECT_EQ(stored(kAlice, kBob), kTo);
}

TEST_P(SubscriptionsTest, AskingAgain_PutsALostSubscriptionRight) {
  set_both(kNone, kFrom);  // alice's server has lost it
  TestClient& bob = server_.online("bob@example.org/phone");
  TestClient& alice = interested("alice@example.org/phone");
  alice.send("<presence to='bob@example.org' type='subscribe'/>");
  EXPECT_EQ(stored(kAlice, kBob), kTo);
  EXPECT_EQ(alice.take().back(),
            "<presence from='bob@example.org/phone' to='alice@example.org'>"
            "<priority>0</priority></presence>");
  EXPECT_THAT(bob.take(), IsEmpty());
}

TEST_P(SubscriptionsTest, Oneself_IsNoContact) {
  TestClient& alice = interested("alice@example.org/phone");
  alice.send("<presence to='alice@example.org' type='subscribe'/>");
  EXPECT_THAT(alice.take(), IsEmpty());
  EXPECT_FALSE(server_.stored_item(kAlice, kAlice));
}

TEST_P(SubscriptionsTest, NoAddress_IsABadRequest) {
  TestClient& alice = server_.online("alice@example.org/phone");
  alice.send("<presence id='1' type='subscribe'/>");
  const auto got = alice.take();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_NE(got[0].find("<bad-request "), std::string::npos);
}

struct Removal {
  Subscription alice;
  Subscription bob;
  Subscription bob_after;
  bool bob_hears_unsubscribe;
  bool bob_hears_unsubscribed;
};

TEST_P(SubscriptionsTest, Remove_EndsTheSubscriptionsOfEveryState) {
  const Removal removals[] = {
      {kNone, kNone, kNone, false, false},
      {{.pending_out = true}, {.pending_in = true}, kNone, true, false},
      {{.pending_in = true}, {.pending_out = true}, kNone, false, true},
      {{.pending_out = true, .pending_in = true},
       {.pending_out = true, .pending_in = true},
       kNone,
       true,
       true},
      {kTo, kFrom, kNone, true, false},
      {{.to = true, .pending_in = true}, {.from = true, .pending_out = true}, kNone, true, true},
      {kFrom, kTo, kNone, false, true},
      {{.from = true, .pending_out = true}, {.to = true, .pending_in = true}, kNone, true, true},
      {kBoth, kBoth, kNone, true, true},
  };
  for (const Removal& c : removals) {
    TestServer server(GetParam());
    server.write_item(kAlice, kBob, c.alice);
    server.write_item(kBob, kAlice, c.bob);
    TestClient& alice = server.online("alice@example.org/phone");
    TestClient& bob = server.online("bob@example.org/phone");
    alice.session().interested = bob.session().interested = true;
    alice.take();
    Worker& home = server.home(kAlice);
    std::optional<xmpp::StanzaError> error;
    server.loop(home.index()).inside([&] {
      home.turns().run(kAlice, [&]() -> Task<void> {
        return [](Worker* worker, std::optional<xmpp::StanzaError>* out) -> Task<void> {
          *out = co_await worker->subscriptions().remove_contact(jid(kAlice), jid(kBob));
        }(&home, &error);
      });
    });
    server.settle();
    EXPECT_FALSE(error);
    EXPECT_FALSE(server.stored_item(kAlice, kBob));
    EXPECT_EQ(server.stored_item(kBob, kAlice)->subscription, c.bob_after);
    const auto got = alice.take();
    ASSERT_FALSE(got.empty());
    EXPECT_EQ(got[0], push("alice@example.org/phone",
                           "<item jid='bob@example.org' subscription='remove'/>"));
    EXPECT_EQ(got.size(), c.alice.to ? 2U : 1U);  // she sees him go if she saw him
    int unsubscribe = 0;
    int unsubscribed = 0;
    int unavailable = 0;
    for (const auto& xml : bob.take()) {
      unsubscribe += xml.find("type='unsubscribe'") != std::string::npos;
      unsubscribed += xml.find("type='unsubscribed'") != std::string::npos;
      unavailable += xml.find("type='unavailable'") != std::string::npos;
    }
    EXPECT_EQ(unsubscribe, c.bob_hears_unsubscribe);
    EXPECT_EQ(unsubscribed, c.bob_hears_unsubscribed);
    EXPECT_EQ(unavailable, c.alice.from);
  }
}

TEST_P(SubscriptionsTest, RemoveUnknown_IsAnError) {
  const auto error = remove(kAlice, kBob);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->condition, xmpp::StanzaCondition::item_not_found);
}

TEST_P(SubscriptionsTest, Update_KeepsTheSubscription) {
  set_both(kBoth, kBoth);
  TestClient& alice = interested("alice@example.org/phone");
  EXPECT_FALSE(update(kAlice, kBob, "Bobby"));
  EXPECT_THAT(alice.take(),
              ElementsAre(push("alice@example.org/phone",
                               "<item jid='bob@example.org' name='Bobby' subscription='both'>"
                               "<group>g</group></item>")));
  EXPECT_EQ(server_.stored_item(kAlice, kBob)->subscription, kBoth);
  EXPECT_EQ(server_.stored_item(kAlice, kBob)->name, "Bobby");
}

// Whichever call of the store fails: the client that asked hears of it, and nothing has changed on
// the side where it failed.
TEST_P(SubscriptionsTest, StoreFailure_ChangesNothingAndIsReported) {
  for (int n = 1; n < 10; ++n) {
    TestServer server(GetParam());
    TestClient& alice = server.connect("alice@example.org/phone");
    alice.session().interested = true;
    server.store().fail_call(n);
    alice.send("<presence id='s' to='bob@example.org' type='subscribe'/>");
    if (!server.store().failed()) {
      EXPECT_EQ(n, 7);  // load, store; find the account, its cursor, load, store
      server.store().fail_call(-1);
      return;
    }
    const auto got = alice.take();
    const bool own = n <= 2;
    if (own) {
      ASSERT_EQ(got.size(), 1U) << n;
      EXPECT_NE(got[0].find("<resource-constraint "), std::string::npos) << got[0];
      EXPECT_NE(got[0].find(" id='s'"), std::string::npos) << got[0];
    }
    EXPECT_EQ(server.stored_item(kAlice, kBob).has_value(), !own) << n;
    EXPECT_FALSE(server.stored_item(kBob, kAlice)) << n;
    // The memory agrees with the store: trying again does all of it.
    alice.send("<presence to='bob@example.org' type='subscribe'/>");
    EXPECT_TRUE(server.stored_item(kAlice, kBob)->subscription.pending_out) << n;
    EXPECT_TRUE(server.stored_item(kBob, kAlice)->subscription.pending_in) << n;
  }
  FAIL() << "it never came through";
}

// A roster that was loaded for an account without session must not live on beside a newer one.
TEST_P(SubscriptionsTest, LogInDuringAnInboundRequest_SeesIt) {
  TestClient& alice = server_.online("alice@example.org/phone");
  server_.store().hold();
  alice.send("<presence to='bob@example.org' type='subscribe'/>");
  TestClient& bob = server_.connect("bob@example.org/phone");  // binds when it is its turn
  server_.release_one_by_one();
  bob.send("<presence/>");
  const auto got = bob.take();
  ASSERT_FALSE(got.empty());
  EXPECT_EQ(got.back(),
            "<presence from='alice@example.org' to='bob@example.org' type='subscribe'/>");
  bob.send("<presence to='alice@example.org' type='subscribed'/>");
  EXPECT_EQ(stored(kBob, kAlice), kFrom);
}

// Whoever asks for more: the owner by a roster set, or by a subscription; somebody else by a
// request.
TEST_P(SubscriptionsTest, FullRoster_TakesNoOtherContact) {
  config::HostOptions options;
  options.roster.max_items = 2;
  const auto& refused =
      metrics::counter("starling_limits_hit_total", "", {{"limit", "roster_items"}});
  const std::uint64_t before = refused.value();
  TestServer server(GetParam(), {}, options);
  TestClient& alice = server.online("alice@example.org/phone");
  TestClient& bob = server.online("bob@example.org/phone");
  alice.send("<presence to='x@example.org' type='subscribe'/>",
             "<presence to='y@example.org' type='subscribe'/>");
  alice.take();
  alice.send("<presence id='s' to='bob@example.org' type='subscribe'/>");
  EXPECT_THAT(alice.take(), Contains(AllOf(HasSubstr(" id='s'"), HasSubstr("<policy-violation"))));
  EXPECT_FALSE(server.stored_item(kAlice, kBob));
  EXPECT_FALSE(server.stored_item(kBob, kAlice));
  bob.send("<presence id='r' to='alice@example.org' type='subscribe'/>");
  EXPECT_THAT(bob.take(), Contains(AllOf(HasSubstr(" id='r'"), HasSubstr("<policy-violation"))));
  EXPECT_FALSE(server.stored_item(kAlice, kBob));
  EXPECT_EQ(refused.value(), before + 2);
  // What is there can be changed and given up, which makes room.
  alice.send("<presence to='x@example.org' type='unsubscribe'/>");
  EXPECT_TRUE(server.stored_item(kAlice, "x@example.org"));
}

}  // namespace
}  // namespace starling::core
