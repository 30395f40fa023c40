// What a cluster is to its users: nothing. Each test has whole nodes over one store; only sockets
// and the bus are in memory.
#include "core/remote.h"

#include "core/test_cluster.h"

namespace starling::core {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using xmpp::StreamCondition;

constexpr const char* kHello =
    "<message to='bob@example.org' type='chat' id='1'><body>hello</body></message>";

TEST(RemoteTest, a_message_crosses_to_the_node_of_its_addressee) {
  TestCluster cluster(3);
  TestClient& alice = cluster.online(0, "alice@example.org/phone");
  TestClient& bob = cluster.online(1, "bob@example.org/pc");
  alice.send(kHello);
  EXPECT_THAT(bob.take(), ElementsAre(HasSubstr("hello")));
  bob.send("<message to='alice@example.org/phone' type='chat'><body>back</body></message>");
  EXPECT_THAT(alice.take(), ElementsAre(HasSubstr("from='bob@example.org/pc'")));
}

TEST(RemoteTest, a_message_that_is_too_long_for_a_frame_crosses_and_holds_up_nobody) {
  TestCluster cluster(2);
  TestClient& alice = cluster.online(0, "alice@example.org/phone");
  TestClient& bob = cluster.online(1, "bob@example.org/pc");
  const std::string body(2 * bus::Bus::kMaxFrame, 'x');
  alice.send("<message to='bob@example.org' type='chat'><body>" + body + "</body></message>",
             kHello);
  cluster.pass(1s);  // all of it is more than may be on its way at once
  EXPECT_THAT(bob.take(), ElementsAre(HasSubstr("<body>" + body + "</body>"), HasSubstr("hello")));
}

TEST(RemoteTest, all_devices_of_a_user_get_it_wherever_they_are_connected) {
  TestCluster cluster(3);
  TestClient& alice = cluster.online(0, "alice@example.org/phone");
  TestClient& pc = cluster.online(1, "bob@example.org/pc");
  TestClient& phone = cluster.online(2, "bob@example.org/phone");
  EXPECT_THAT(pc.take(), ElementsAre(HasSubstr("from='bob@example.org/phone'")));
  alice.send(kHello);
  EXPECT_THAT(pc.take(), ElementsAre(HasSubstr("hello")));
  EXPECT_THAT(phone.take(), ElementsAre(HasSubstr("hello")));
  phone.send("<message to='alice@example.org' type='chat'><body>from phone</body></message>");
  EXPECT_THAT(alice.take(), ElementsAre(HasSubstr("from='bob@example.org/phone'")));
  EXPECT_EQ(cluster.archive_of("bob@example.org").size(), 2);  // once, for all devices
}

TEST(RemoteTest, a_client_that_claims_another_address_is_told_at_once) {
  TestCluster cluster(2);
  cluster.online(0, "bob@example.org/pc");
  TestClient& phone = cluster.online(1, "bob@example.org/phone");
  EXPECT_EQ(phone.send_now("<message from='carol@example.org' to='bob@example.org'/>"),
            Router::Submitted::invalid_from);
}

TEST(RemoteTest, a_slow_bus_is_late_and_a_node_that_fell_silent_is_not) {
  TestCluster cluster(2);
  TestClient& alice = cluster.online(0, "alice@example.org/phone");
  cluster.online(1, "bob@example.org/pc");
  const cluster::Cluster& nodes = *cluster.node(0).cluster;
  cluster.pass(1s);
  cluster.freeze(1);
  alice.send(kHello);
  cluster.pass(2s);
  EXPECT_EQ(nodes.lag(), 0s);
  cluster.thaw(1);
  cluster.pass(1s);
  cluster.network.faults.delay = 2s;
  alice.send(kHello);
  EXPECT_TRUE(cluster.wait_for([&] { return nodes.lag() >= 2s; }, 10s));
  cluster.network.faults.delay = 0s;
  EXPECT_TRUE(cluster.wait_for([&] { return nodes.lag() < 100ms; }, 10s));
}

TEST(RemoteTest, contacts_see_each_other_across_nodes) {
  TestCluster cluster(3);
  cluster.create_account(jid("alice@example.org"));
  cluster.create_account(jid("bob@example.org"));
  cluster.subscribe_both("alice@example.org", "bob@example.org");
  TestClient& alice = cluster.online(0, "alice@example.org/phone");
  TestClient& bob = cluster.connect(1, "bob@example.org/pc");
  bob.send("<presence/>");
  EXPECT_THAT(alice.take(), ElementsAre(HasSubstr("from='bob@example.org/pc'")));
  EXPECT_THAT(bob.take(), testing::Contains(HasSubstr("from='alice@example.org/phone'")));
  bob.disconnect();
  EXPECT_THAT(alice.take(), ElementsAre(HasSubstr("type='unavailable'")));
}

TEST(RemoteTest, what_comes_for_nobody_waits_for_the_next_log_in_anywhere) {
  TestCluster cluster(3);
  cluster.create_account(jid("bob@example.org"));
  TestClient& alice = cluster.online(0, "alice@example.org/phone");
  alice.send(kHello);
  for (std::size_t node : {2, 1, 0}) {
    alice.send("<message to='bob@example.org' type='chat'><body>more</body></message>");
    TestClient& bob = cluster.connect(node, "bob@example.org/pc");
    bob.send("<presence/>");
    const auto received = bob.take();
    std::size_t messages = 0;
    for (const auto& xml : received) messages += xml.contains("<body>") ? 1 : 0;
    EXPECT_EQ(messages, node == 2 ? 2 : 1) << "at node " << node;
    bob.disconnect();
    cluster.pass(100ms);
  }
}

TEST(RemoteTest, the_newcomer_gets_a_resource_that_is_bound_at_another_node) {
  TestCluster cluster(2);
  TestClient& first = cluster.online(0, "bob@example.org/pc");
  TestClient& second = cluster.online(1, "bob@example.org/pc");
  EXPECT_EQ(first.ended(), StreamCondition::conflict);
  EXPECT_TRUE(second.connected());
  TestClient& third = cluster.online(0, "bob@example.org/pc");
  EXPECT_EQ(second.ended(), StreamCondition::conflict);
  EXPECT_TRUE(third.connected());
}

TEST(RemoteTest, nothing_overtakes_what_is_under_way_to_where_its_addressee_was) {
  TestCluster cluster(3);
  TestClient& alice = cluster.online(0, "alice@example.org/phone");
  TestClient& pc = cluster.online(1, "bob@example.org/pc");
  const auto say = [&alice](const std::string& body) {
    alice.send("<message to='bob@example.org' type='chat'><body>" + body + "</body></message>");
  };
  cluster.network.cut = [](int from, int to) { return from == 0 && to == 1; };
  say("first");
  pc.disconnect();
  cluster.pass(100ms);
  for (std::size_t node : {0, 2}) {  // where alice is, and elsewhere
    TestClient& phone = cluster.online(node, "bob@example.org/phone" + std::to_string(node));
    say("second");
    say("third");
    EXPECT_THAT(phone.take(), IsEmpty());
    cluster.network.cut = [](int, int) { return false; };
    cluster.pass(2s);
    EXPECT_THAT(phone.take(),
                ElementsAre(HasSubstr("first"), HasSubstr("second"), HasSubstr("third")));
    if (node == 2) break;
    // The same once more, from this node.
    phone.disconnect();
    cluster.pass(100ms);
    TestClient& back = cluster.online(1, "bob@example.org/pc");
    cluster.network.cut = [](int from, int to) { return from == 0 && to == 1; };
    say("first");
    back.disconnect();
    cluster.pass(100ms);
  }
}

TEST(RemoteTest, what_a_message_causes_elsewhere_is_later_than_it_by_all_clocks) {
  TestCluster cluster(2);
  TestClient& alice = cluster.online(0, "alice@example.org/phone");
  TestClient& bob = cluster.online(1, "bob@example.org/pc");
  auto& ahead = *cluster.node(0).cluster;
  auto& behind = *cluster.node(1).cluster;
  const auto by = [](cluster::Cluster& clock, TimePoint at) { return clock.clock_us(at); };
  ahead.not_before(by(ahead, cluster.now()) + 300'000, cluster.now());
  const std::int64_t said_at = by(ahead, cluster.now());
  EXPECT_LT(by(behind, cluster.now()), said_at);
  alice.send("<message to='bob@example.org' type='chat'><body>now</body></message>");
  cluster.settle();
  EXPECT_THAT(bob.take(), ElementsAre(HasSubstr("now")));
  EXPECT_GE(by(behind, cluster.now()), said_at);
}

TEST(RemoteTest, who_is_back_is_not_taken_for_gone_because_of_a_presence_that_had_to_wait) {
  TestCluster cluster(3);
  cluster.create_account(jid("alice@example.org"));
  cluster.create_account(jid("bob@example.org"));
  cluster.subscribe_both("alice@example.org", "bob@example.org");
  TestClient& alice = cluster.online(0, "alice@example.org/phone");
  TestClient& pc = cluster.online(1, "bob@example.org/pc");
  cluster.network.cut = [](int from, int to) { return from == 0 && to == 1; };
  alice.send(kHello);
  pc.disconnect();
  cluster.pass(100ms);
  TestClient& bob = cluster.online(2, "bob@example.org/pc");
  alice.disconnect();  // of which bob is told behind the message
  cluster.pass(100ms);
  cluster.online(2, "alice@example.org/phone");
  EXPECT_THAT(bob.take(), testing::Contains(HasSubstr("from='alice@example.org/phone'")));
  cluster.network.cut = [](int, int) { return false; };
  cluster.pass(2s);
  const auto late = bob.take();
  EXPECT_THAT(late, testing::Contains(HasSubstr("hello")));
  ASSERT_THAT(late, testing::Contains(HasSubstr("type='unavailable'")));
  EXPECT_THAT(late.back(), testing::AllOf(HasSubstr("from='alice@example.org/phone'"),
                                          testing::Not(HasSubstr("unavailable"))));
}

TEST(RemoteTest, what_a_node_passes_on_does_not_go_back_to_it) {
  TestCluster cluster(2);
  const cluster::NodeId first = cluster.node(0).cluster->self();
  std::string account = "a@example.org";
  while (cluster.node(1).cluster->keeper(account) != first) account.insert(0, 1, 'a');
  cluster.create_account(jid(account));
  cluster.network.cut = [](int from, int to) { return from == 1 && to == 0; };
  auto parcel = begin_parcel(ParcelKind::stanza, account);
  parcel.number(1).number(2).number(1).text(account);
  parcel.rest("<message from='b@example.net' to='" + account + "'><body>hi</body></message>");
  Worker& worker = cluster.node(1).worker_of(account);
  worker.loop().post([&] { worker.remote().take(first, parcel.view()); });
  cluster.settle();
  EXPECT_THAT(cluster.archive_of(account), ElementsAre(HasSubstr("hi")));
}

TEST(RemoteTest, order_gives_way_to_a_node_that_does_not_deal_with_anything) {
  TestCluster cluster(3);
  TestClient& alice = cluster.online(0, "alice@example.org/phone");
  cluster.online(1, "bob@example.org/pc");
  cluster.kill(1);
  alice.send(kHello);
  cluster.pass(4s);  // nobody hears it
  TestClient& phone = cluster.online(2, "bob@example.org/phone");
  alice.send("<message to='bob@example.org' type='chat'><body>more</body></message>");
  EXPECT_THAT(phone.take(), ElementsAre(HasSubstr("more")));
  cluster.pass(20s);
  EXPECT_THAT(phone.take(), testing::Contains(HasSubstr("hello")));
}

TEST(RemoteTest, an_account_without_sessions_is_at_home_nowhere) {
  TestCluster cluster(2);
  TestClient& bob = cluster.online(0, "bob@example.org/pc");
  EXPECT_TRUE(cluster.node(1).cluster->homes().find("bob@example.org"));
  bob.disconnect();
  cluster.pass(100ms);
  for (std::size_t i : {0, 1}) {
    EXPECT_FALSE(cluster.node(i).cluster->homes().find("bob@example.org"));
    EXPECT_EQ(cluster.node(i).worker_of("bob@example.org").directory().find("bob@example.org"),
              nullptr);
  }
}

TEST(RemoteTest, what_a_dead_node_had_not_confirmed_goes_through_the_rules_again) {
  TestCluster cluster(3);
  TestClient& alice = cluster.online(0, "alice@example.org/phone");
  cluster.online(1, "bob@example.org/pc");
  cluster.kill(1);
  alice.send(kHello);
  EXPECT_THAT(cluster.archive_of("bob@example.org"), IsEmpty());
  cluster.pass(20s);
  EXPECT_THAT(cluster.archive_of("bob@example.org"), ElementsAre(HasSubstr("hello")));
  TestClient& bob = cluster.connect(2, "bob@example.org/phone");
  bob.send("<presence/>");
  EXPECT_THAT(bob.take(), testing::Contains(HasSubstr("hello")));
}

TEST(RemoteTest, what_a_guest_had_not_confirmed_goes_to_the_other_devices) {
  TestCluster cluster(3);
  TestClient& alice = cluster.online(0, "alice@example.org/phone");
  TestClient& pc = cluster.online(1, "bob@example.org/pc", 1);
  cluster.online(2, "bob@example.org/phone");
  pc.send("<presence type='unavailable'/>");
  cluster.kill(2);
  alice.send(kHello);
  EXPECT_THAT(pc.take(), testing::Not(testing::Contains(HasSubstr("hello"))));
  pc.send("<presence/>");
  pc.take();
  cluster.pass(20s);
  EXPECT_THAT(pc.take(), testing::Contains(HasSubstr("hello")));
}

TEST(RemoteTest, a_visitor_ends_when_its_home_is_dead) {
  TestCluster cluster(3);
  cluster.online(1, "bob@example.org/pc");
  TestClient& phone = cluster.online(2, "bob@example.org/phone");
  cluster.kill(1);
  cluster.pass(20s);
  EXPECT_EQ(phone.ended(), StreamCondition::system_shutdown);
  TestClient& again = cluster.online(2, "bob@example.org/phone");
  EXPECT_TRUE(again.connected());
}

TEST(RemoteTest, the_users_of_a_dead_node_log_in_elsewhere_before_it_is_found_dead) {
  TestCluster cluster(3);
  cluster.online(1, "bob@example.org/pc");
  TestClient& alice = cluster.online(0, "alice@example.org/phone");
  cluster.kill(1);
  cluster.pass(1s);
  const TimePoint before = cluster.now();
  TestClient& again = cluster.online(2, "bob@example.org/pc");
  EXPECT_TRUE(again.connected());
  EXPECT_LT(cluster.now() - before, 8s);
  EXPECT_EQ(cluster.node(2).cluster->homes().find("bob@example.org")->node,
            cluster.node(2).cluster->self());
  alice.send(kHello);
  EXPECT_THAT(again.take(), ElementsAre(HasSubstr("hello")));
}

TEST(RemoteTest, contacts_are_told_once_when_a_node_dies) {
  TestCluster cluster(3);
  cluster.create_account(jid("alice@example.org"));
  cluster.create_account(jid("bob@example.org"));
  cluster.subscribe_both("alice@example.org", "bob@example.org");
  TestClient& pc = cluster.online(0, "bob@example.org/pc");
  cluster.online(1, "bob@example.org/phone");
  TestClient& alice = cluster.online(2, "alice@example.org/phone");
  alice.take();
  cluster.kill(1);
  cluster.pass(30s);
  std::vector<std::string> gone = alice.take();
  // As she has just come, she asks once more for who is there.
  std::erase_if(gone, [](const std::string& xml) { return !xml.contains("type='unavailable'"); });
  EXPECT_THAT(gone, ElementsAre(HasSubstr("from='bob@example.org/phone'")));
  EXPECT_TRUE(pc.connected());
}

TEST(RemoteTest, a_node_that_was_frozen_lets_its_sessions_go_and_comes_back) {
  TestCluster cluster(3);
  TestClient& bob = cluster.online(1, "bob@example.org/pc");
  const cluster::NodeId before = cluster.node(1).cluster->self();
  cluster.freeze(1);
  cluster.pass(30s);
  cluster.thaw(1);
  cluster.pass(10s);
  EXPECT_EQ(bob.ended(), StreamCondition::system_shutdown);
  EXPECT_TRUE(cluster.node(1).cluster->serving());
  EXPECT_NE(cluster.node(1).cluster->self(), before);
  TestClient& alice = cluster.online(1, "alice@example.org/phone");
  TestClient& again = cluster.online(0, "bob@example.org/pc");
  alice.send(kHello);
  EXPECT_THAT(again.take(), ElementsAre(HasSubstr("hello")));
}

TEST(RemoteTest, nothing_is_lost_while_a_node_is_silent_for_a_moment) {
  TestCluster cluster(2);
  TestClient& alice = cluster.online(0, "alice@example.org/phone");
  TestClient& bob = cluster.online(1, "bob@example.org/pc");
  cluster.network.cut = [](int, int) { return true; };
  alice.send(kHello);
  cluster.pass(5s);
  EXPECT_THAT(bob.take(), IsEmpty());
  cluster.network.cut = [](int, int) { return false; };
  cluster.pass(2s);
  EXPECT_THAT(bob.take(), ElementsAre(HasSubstr("hello")));
}

TEST(RemoteTest, two_nodes_that_do_not_reach_each_other_talk_through_a_third) {
  TestCluster cluster(3);
  TestClient& alice = cluster.online(0, "alice@example.org/phone");
  TestClient& bob = cluster.online(1, "bob@example.org/pc");
  cluster.network.cut = [](int a, int b) { return a + b == 1; };
  cluster.pass(6s);
  alice.send(kHello);
  cluster.pass(2s);
  EXPECT_THAT(bob.take(), ElementsAre(HasSubstr("hello")));
  // And sessions that begin meanwhile are known.
  TestClient& carol = cluster.online(1, "carol@example.org/pc");
  alice.send("<message to='carol@example.org' type='chat'><body>hi</body></message>");
  cluster.pass(2s);
  EXPECT_THAT(carol.take(), ElementsAre(HasSubstr("hi")));
}

TEST(RemoteTest, after_a_split_the_newer_session_of_one_resource_stays) {
  TestCluster cluster(2);
  cluster.network.cut = [](int, int) { return true; };
  cluster.pass(5s);
  TestClient& older = cluster.online(0, "bob@example.org/pc");
  TestClient& newer = cluster.online(1, "bob@example.org/pc");
  TestClient& other = cluster.online(0, "carol@example.org/a");
  EXPECT_TRUE(older.connected());
  EXPECT_TRUE(newer.connected());
  cluster.network.cut = [](int, int) { return false; };
  cluster.pass(3s);
  EXPECT_EQ(older.ended(), StreamCondition::conflict);
  EXPECT_TRUE(newer.connected());
  EXPECT_TRUE(other.connected());
  other.send(kHello);
  EXPECT_THAT(newer.take(), ElementsAre(HasSubstr("hello")));
}

TEST(RemoteTest, a_presence_crosses_to_each_node_once_however_many_contacts_are_there) {
  TestCluster cluster(2);
  cluster.create_account(jid("bob@example.org"));
  std::vector<TestClient*> contacts;
  for (int i = 0; i < 20; ++i) {
    const std::string contact = "contact" + std::to_string(i) + "@example.org";
    cluster.create_account(jid(contact));
    cluster.subscribe_both("bob@example.org", contact);
    contacts.push_back(&cluster.online(1, contact + "/pc"));
  }
  TestClient& bob = cluster.online(0, "bob@example.org/pc");
  for (TestClient* contact : contacts) contact->take();
  const std::size_t before = cluster.network.sent_bytes();
  const std::string status(5'000, 'x');
  bob.send("<presence><status>" + status + "</status></presence>");
  for (TestClient* contact : contacts) EXPECT_THAT(contact->take(), ElementsAre(HasSubstr(status)));
  EXPECT_LT(cluster.network.sent_bytes() - before, 2 * status.size());
}

TEST(RemoteTest, a_bad_bus_changes_nothing_for_the_users) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    TestCluster cluster(3, {}, 2, seed);
    TestClient& alice = cluster.online(0, "alice@example.org/phone");
    TestClient& bob = cluster.online(1, "bob@example.org/pc");
    TestClient& phone = cluster.online(2, "bob@example.org/phone");
    bob.take();
    cluster.network.faults = {.loss_percent = 20, .twice_percent = 10, .delay = 1ms, .jitter = 5ms};
    std::vector<std::string> bodies;
    for (int i = 0; i < 50; ++i) {
      bodies.push_back("<body>n" + std::to_string(i) + "</body>");
      alice.send("<message to='bob@example.org' type='chat'>" + bodies.back() + "</message>");
      cluster.pass(10ms);
    }
    cluster.pass(5s);
    for (TestClient* client : {&bob, &phone}) {
      std::vector<std::string> got;
      for (const auto& xml : client->take()) {
        const auto begin = xml.find("<body>");
        if (begin != std::string::npos)
          got.push_back(xml.substr(begin, xml.find("</body>") + 7 - begin));
      }
      EXPECT_EQ(got, bodies) << "seed " << seed;
    }
    EXPECT_EQ(cluster.archive_of("bob@example.org").size(), 50);
  }
}

}  // namespace
}  // namespace starling::core
