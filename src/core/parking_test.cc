#include "core/parking.h"

#include <chrono>

#include "core/test_server.h"

namespace starling::core {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using std::chrono_literals::operator""s;

constexpr const char* kBob = "bob@example.org";
constexpr const char* kPhone = "bob@example.org/phone";
constexpr const char* kLaptop = "bob@example.org/laptop";

class ParkingTest : public testing::Test {
 protected:
  TestServer server_;
  Parking& parking_ = server_.home(kBob).parking();
  TestClient& alice_ = server_.online("alice@example.org/desk");

  TestClient& managed(const char* full) {
    TestClient& client = server_.online(full);
    client.manage();
    return client;
  }
  // Its node leaves, as far as it can see.
  void park(TestClient& client, std::string id, std::chrono::seconds timeout) {
    StreamState stream;
    stream.id = std::move(id);
    stream.timeout = timeout;
    stream.queue = client.take_unacknowledged();
    stream.sent = static_cast<std::uint32_t>(stream.queue.size());
    const SessionRef ref{client.session().jid, client.session().id};
    client.forget();
    server_.loop(0).inside([&] {
      server_.home(kBob).turns().run(kBob, [&, ref] { return parking_.park(ref, stream); });
    });
    server_.settle();
  }
  Result<ParkedSession> claim(std::string id) {
    return server_.wait(parking_.claim(jid(kBob), std::move(id)));
  }
  void pass(std::chrono::seconds time) {
    server_.loop(0).advance(time);
    server_.settle();
  }
  void say(const char* body) {
    alice_.send("<message to='bob@example.org' type='chat'><body>" + std::string(body) +
                "</body></message>");
  }
  // Those among what it got since the last time.
  static std::vector<std::string> bodies(TestClient& client) {
    std::vector<std::string> found;
    for (const std::string& xml : client.take()) {
      const auto begin = xml.find("<body>");
      if (begin == std::string::npos) continue;
      found.push_back(xml.substr(begin + 6, xml.find("</body>") - begin - 6));
    }
    return found;
  }
};

TEST_F(ParkingTest, Claimed_WithAllThatIsKnownOfIt) {
  TestClient& phone = managed(kPhone);
  say("hello");
  park(phone, "p1", 60s);
  const auto claimed = claim("p1");
  ASSERT_TRUE(claimed);
  EXPECT_EQ(claimed->jid, jid(kPhone));
  EXPECT_TRUE(claimed->available());
  ASSERT_THAT(claimed->stream.queue, SizeIs(1));
  EXPECT_NE(claimed->stream.queue[0].archive_id(), 0U);
  const auto again = ParkedSession::decode(claimed->encode());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->encode(), claimed->encode());
}

TEST_F(ParkingTest, ClaimedTwice_TheFirstHasIt) {
  park(managed(kPhone), "p1", 60s);
  EXPECT_TRUE(claim("p1"));
  const auto second = claim("p1");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::exists);
}

TEST_F(ParkingTest, PutBack_IsClaimedByTheNext) {
  park(managed(kPhone), "p1", 60s);
  EXPECT_TRUE(claim("p1"));
  EXPECT_TRUE(server_.wait(parking_.put_back(jid(kBob), "p1")));
  EXPECT_TRUE(claim("p1"));
  EXPECT_FALSE(claim("p1"));
}

TEST_F(ParkingTest, PutBackWhenItWasBound_IsNot) {
  park(managed(kPhone), "p1", 60s);
  auto claimed = claim("p1");
  ASSERT_TRUE(claimed);
  ASSERT_TRUE(server_.wait(parking_.collect_missed(*claimed)));
  EXPECT_FALSE(server_.wait(parking_.put_back(jid(kBob), "p1")));
  EXPECT_EQ(claim("p1").error().code, Errc::not_found);
}

TEST_F(ParkingTest, NobodyResumes_ItsContactsHearOnceThatItIsGone) {
  server_.write_item("alice@example.org", kBob, Subscription{.to = true});
  server_.write_item(kBob, "alice@example.org", Subscription{.from = true});
  TestClient& phone = managed(kPhone);
  alice_.take();
  park(phone, "p1", 60s);
  pass(59s);
  EXPECT_THAT(alice_.take(), IsEmpty());
  pass(2s);
  EXPECT_THAT(alice_.take(),
              ElementsAre("<presence from='bob@example.org/phone' to='alice@example.org' "
                          "type='unavailable'/>"));
  pass(300s);
  EXPECT_THAT(alice_.take(), IsEmpty());
  EXPECT_FALSE(claim("p1"));
}

// What its client may have is not given to others meanwhile, but is to one of them in the end.
TEST_F(ParkingTest, HeldByTwo_WaitsWhenBothHaveEnded) {
  TestClient& phone = managed(kPhone);
  TestClient& laptop = managed(kLaptop);
  say("hello");
  park(phone, "p1", 60s);
  park(laptop, "p2", 120s);
  TestClient& tablet = server_.online("bob@example.org/tablet");
  EXPECT_THAT(bodies(tablet), IsEmpty());
  pass(61s);  // the phone's time is over
  EXPECT_THAT(bodies(tablet), IsEmpty());
  pass(60s);
  EXPECT_THAT(bodies(tablet), ElementsAre("hello"));
}

TEST_F(ParkingTest, WhoCameAndWent_IsToldWhenItIsBack) {
  TestClient& tablet = managed("bob@example.org/tablet");
  TestClient& phone = managed(kPhone);
  park(phone, "p1", 60s);
  tablet.disconnect();
  auto claimed = claim("p1");
  ASSERT_TRUE(claimed);
  ASSERT_TRUE(server_.wait(parking_.collect_missed(*claimed)));
  claimed->send_missed();
  ASSERT_THAT(claimed->stream.queue, SizeIs(1));
  EXPECT_EQ(claimed->stream.queue[0].from(), jid("bob@example.org/tablet"));
  EXPECT_EQ(claimed->stream.queue[0].type(), xmpp::StanzaType::unavailable);
  EXPECT_FALSE(claim("p1")) << "it is in the store no more";
}

TEST_F(ParkingTest, StoreRefuses_ItEndsAndItsMessagesWait) {
  TestClient& phone = managed(kPhone);
  say("hello");
  server_.store().fail_call(1);
  park(phone, "p1", 60s);
  ASSERT_TRUE(server_.store().failed());
  TestClient& tablet = server_.connect("bob@example.org/tablet");
  tablet.send("<presence/>");
  EXPECT_THAT(bodies(tablet), ElementsAre("hello"));
}

TEST_F(ParkingTest, StoreAwayWhenItsTimeIsOver_EndsAsSoonAsItIsBack) {
  TestClient& phone = managed(kPhone);
  say("hello");
  park(phone, "p1", 60s);
  TestClient& tablet = server_.online("bob@example.org/tablet");
  server_.store().fail_call(1);
  pass(60s);
  ASSERT_TRUE(server_.store().failed());
  EXPECT_THAT(bodies(tablet), IsEmpty());
  pass(2s);
  EXPECT_THAT(bodies(tablet), ElementsAre("hello"));
}

}  // namespace
}  // namespace starling::core
