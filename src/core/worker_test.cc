#include "core/worker.h"

#include <atomic>

#include "core/test_server.h"
#include "core/test_session.h"

namespace starling::core {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class WorkerTest : public ServerTest {};
INSTANTIATE_TEST_SUITE_P(Workers, WorkerTest, testing::Values(1, 3));

TEST_P(WorkerTest, BindTwice_NewcomerWinsAndTheOtherIsToldOff) {
  TestClient& bob = server_.online("bob@example.org/phone");
  TestClient& old = server_.online("alice@example.org/phone");
  old.send("<presence to='bob@example.org/phone'/>");
  bob.take();
  const auto count = server_.server().session_count();
  const SessionId old_id = old.session().id;
  TestClient& fresh = server_.connect("alice@example.org/phone");
  EXPECT_EQ(old.ended(), xmpp::StreamCondition::conflict);
  EXPECT_FALSE(fresh.ended());
  EXPECT_EQ(server_.server().session_count(), count);
  EXPECT_THAT(bob.take(), ElementsAre("<presence from='alice@example.org/phone' "
                                      "to='bob@example.org/phone' type='unavailable'/>"));
  EXPECT_FALSE(fresh.session().available());
  EXPECT_NE(fresh.session().id, old_id);
  // A reference to the old one does not find the new one.
  const auto& directory = server_.home("alice@example.org").directory();
  EXPECT_EQ(directory.find(SessionRef{jid("alice@example.org/phone"), old_id}), nullptr);
  bob.send("<message to='alice@example.org/phone'/>");
  EXPECT_EQ(fresh.take().size(), 1U);
  old.take();
}

TEST_P(WorkerTest, EndSessions_EndsAllOfTheAccountOnly) {
  TestClient& bob = server_.online("bob@example.org/phone");
  bob.take();
  TestClient& phone = server_.online("alice@example.org/phone");
  TestClient& tablet = server_.online("alice@example.org/tablet");
  Worker& home = server_.home("alice@example.org");
  const std::size_t ended = server_.loop(home.index()).inside([&] {
    return home.end_sessions("alice@example.org", xmpp::StreamCondition::policy_violation, "");
  });
  server_.settle();
  EXPECT_EQ(ended, 2U);
  EXPECT_EQ(phone.ended(), xmpp::StreamCondition::policy_violation);
  EXPECT_EQ(tablet.ended(), xmpp::StreamCondition::policy_violation);
  EXPECT_FALSE(bob.ended());
  EXPECT_THAT(home.directory().find("alice@example.org")->sessions, IsEmpty());
}

TEST_P(WorkerTest, SessionCount_FollowsBindingAndUnbinding) {
  const auto before = server_.server().session_count();
  TestClient& a = server_.connect("alice@example.org/1");
  server_.connect("alice@example.org/2");
  EXPECT_EQ(server_.server().session_count(), before + 2);
  a.disconnect();
  EXPECT_EQ(server_.server().session_count(), before + 1);
}

TEST(Worker, StanzasOfOneTurn_WakeAnotherWorkerOnce) {
  TestServer server(2);
  Worker& home = server.home("alice@example.org");
  const std::size_t other = 1 - home.index();
  std::string far;  // somebody whose home is the other worker
  for (int i = 0; far.empty(); ++i) {
    const std::string name = "user" + std::to_string(i) + "@example.org";
    if (server.server().home_of(name) == other) far = name;
  }
  TestClient& there = server.online(far + "/phone");
  TestClient& alice = server.online("alice@example.org/phone");
  for (int i = 0; i < 50; ++i) alice.send_now("<message to='" + far + "'/>");
  EXPECT_THAT(there.take(), IsEmpty());  // never on the sender's worker
  server.loop(home.index()).run();
  EXPECT_THAT(there.take(), IsEmpty());
  EXPECT_EQ(server.loop(other).run(), 1);
  EXPECT_EQ(there.take().size(), 50U);
}

// Two workers on two real threads, for the thread sanitizer: messages cross in both directions and
// keep their order.
TEST(Worker, TwoThreads_ExchangeInOrder) {
  constexpr int kMessages = 2'000;
  struct Side : TestOutbox {
    bool deliver(const xmpp::Stanza& stanza) override {
      in_order = in_order && stanza.id() == std::to_string(received);
      ++received;
      return false;
    }
    xmpp::Jid jid;
    std::string peer;
    Worker* worker = nullptr;
    Session* session = nullptr;
    bool in_order = true;
    std::atomic<int> received = 0;
  };
  TestStore store;
  ThreadPool pool(1, "test");
  ManualLoop loops[2];
  Server server(store, pool, {"example.org"}, {}, {&loops[0], &loops[1]});
  Side sides[2];
  for (std::size_t i = 0, n = 0; i < 2; ++n) {
    const std::string bare = "user" + std::to_string(n) + "@example.org";
    if (server.home_of(bare) != i) continue;
    sides[i].jid = jid(bare + "/phone");
    sides[1 - i].peer = bare + "/phone";
    sides[i].worker = &server.worker(i);
    sides[i].session = &bind_at_once(server.worker(i), sides[i].jid, sides[i]);
    ++i;
  }
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      Side& side = sides[i];
      for (int sent = 0; sides[0].received < kMessages || sides[1].received < kMessages;) {
        for (int burst = 0; burst < 16 && sent < kMessages; ++burst, ++sent) {
          const std::string xml =
              "<message to='" + side.peer + "' id='" + std::to_string(sent) + "'/>";
          loops[i].post(
              [&side, xml] { side.worker->router().submit(*side.session, stanza_of(xml)); });
        }
        loops[i].run();
        std::this_thread::yield();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const Side& side : sides) {
    EXPECT_TRUE(side.in_order);
    EXPECT_EQ(side.received, kMessages);
  }
}

}  // namespace
}  // namespace starling::core
