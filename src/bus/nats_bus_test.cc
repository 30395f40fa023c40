#include "bus/nats_bus.h"

#include <gmock/gmock.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "bus/child_process.h"
#include "bus/listen_address.h"
#include "bus/nats_config.h"
#include "bus/private_files.h"
#include "bus/test_mesh.h"

namespace starling::bus {
namespace {

using test::BusUser;
using test::Node;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class NatsBusTest : public ::testing::Test {
 protected:
  // It connects to those that are there.
  Node& add(NodeId id) {
    const std::string number = std::to_string(nodes_.size() + 1);
    nodes_.push_back(std::make_unique<Node>(loop_, secrets_, id, folder_ / ("node" + number),
                                            "127.0.0." + number, addresses()));
    return *nodes_.back();
  }
  [[nodiscard]] std::vector<std::string> addresses() const {
    std::vector<std::string> found;
    found.reserve(nodes_.size());
    for (const auto& node : nodes_) found.push_back(node->server.route_address());
    return found;
  }
  void wait_for_all() {
    std::vector<Node*> nodes;
    nodes.reserve(nodes_.size());
    for (const auto& node : nodes_) nodes.push_back(node.get());
    ASSERT_TRUE(test::all_reach_all(nodes));
  }

  TemporaryFolder folder_;
  net::test::LoopThread loop_;
  test::Secrets secrets_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

TEST_F(NatsBusTest, ReachesTheNamedNodeOrAllOthers) {
  Node& a = add(1);
  Node& b = add(2);
  Node& c = add(std::uint64_t{1} << 63);
  wait_for_all();
  a.user->send(2, "to b");
  a.user->send(c.user->id(), "to c");
  a.user->send(4, "to nobody");
  a.user->broadcast("to all");
  b.user->broadcast("end");
  EXPECT_TRUE(b.user->frames().wait_for("to all"));
  EXPECT_TRUE(c.user->frames().wait_for("to all"));
  EXPECT_TRUE(a.user->frames().wait_for("end"));
  EXPECT_THAT(b.user->frames().like("to "), ElementsAre("to b", "to all"));
  EXPECT_THAT(c.user->frames().like("to "), ElementsAre("to c", "to all"));
  EXPECT_THAT(a.user->frames().like("to "), IsEmpty());
}

TEST_F(NatsBusTest, FramesOfOneNodeKeepTheirOrder) {
  Node& a = add(1);
  Node& b = add(2);
  wait_for_all();
  std::vector<std::string> expected;
  expected.reserve(5'000);
  for (int i = 0; i < 5'000; ++i) expected.push_back("n" + std::to_string(i));
  loop_.run([&] {
    for (std::size_t i = 0; i < expected.size(); ++i) {
      if (i % 3 == 0) {
        a.user->bus().broadcast(expected[i]);
      } else {
        a.user->bus().send(2, expected[i]);
      }
    }
  });
  EXPECT_TRUE(b.user->frames().wait_for(expected.back()));
  EXPECT_EQ(b.user->frames().like("n"), expected);
}

TEST_F(NatsBusTest, LargestFramePassesALargerOneIsLost) {
  Node& a = add(1);
  Node& b = add(2);
  wait_for_all();
  std::string large = "L" + random_bytes(Bus::kMaxFrame - 1);
  a.user->send(2, large + "x");
  a.user->send(2, large);
  a.user->send(2, "");
  ASSERT_TRUE(b.user->frames().wait_for(""));
  EXPECT_THAT(b.user->frames().like("L"), ElementsAre(large));
}

TEST_F(NatsBusTest, WhatTheQueueHasNoRoomForIsLost) {
  Node& a = add(1);
  Node& b = add(2);
  wait_for_all();
  BusUser small(loop_, 3,
                {.urls = {a.server.url()},
                 .user = a.server.user(),
                 .password = a.server.password(),
                 .max_queued_bytes = 10});
  ASSERT_TRUE(test::reaches(b.user.value(), small));
  small.send(2, "more than ten bytes");
  small.send(2, "ten bytes!");
  ASSERT_TRUE(b.user->frames().wait_for("ten bytes!"));
  EXPECT_THAT(b.user->frames().like("more"), IsEmpty());
}

TEST_F(NatsBusTest, KilledServerComesBackAndFramesFlowAgain) {
  Node& a = add(1);
  Node& b = add(2);
  wait_for_all();
  const pid_t first = a.server.pid();
  const std::string url = a.server.url();
  ASSERT_GT(first, 0);
  ::kill(first, SIGKILL);
  ASSERT_TRUE(test::eventually([&] { return a.server.pid() != first && a.server.pid() != 0; }));
  EXPECT_TRUE(test::all_reach_all({&a, &b}));
  EXPECT_EQ(a.server.url(), url);
}

TEST_F(NatsBusTest, RedialRestartsTheServer) {
  Node& a = add(1);
  Node& b = add(2);
  wait_for_all();
  const pid_t first = a.server.pid();
  loop_.run([&] { a.user->bus().redial(); });
  ASSERT_TRUE(test::eventually([&] { return a.server.pid() != first && a.server.pid() != 0; }));
  EXPECT_FALSE(test::is_running(first));
  EXPECT_TRUE(test::all_reach_all({&a, &b}));
}

TEST_F(NatsBusTest, RedialsWhereTheServerIsSomebodyElses) {
  Node& a = add(1);
  BusUser other(loop_, 2, a.server);
  ASSERT_TRUE(test::reaches(*a.user, other));
  for (int i = 0; i < 3; ++i) {
    loop_.run([&] { other.bus().redial(); });
    EXPECT_TRUE(test::reaches(*a.user, other));
    EXPECT_TRUE(test::reaches(other, *a.user));
  }
}

TEST_F(NatsBusTest, MovesToAnotherServer) {
  Node& a = add(1);
  Node& b = add(2);
  BusUser other(
      loop_, 3,
      {.urls = {"nats://127.0.0.1:1"}, .user = b.server.user(), .password = b.server.password()});
  EXPECT_FALSE(other.connected());
  other.bus().move_to({b.server.url()});
  EXPECT_TRUE(test::reaches(*b.user, other));
  wait_for_all();
  EXPECT_TRUE(test::reaches(*a.user, other));
}

// As when somebody else's server has the port for a while: libnats gives such a one up.
TEST_F(NatsBusTest, RefusedPasswordIsTriedAgain) {
  std::string url;
  ListenAddress routes_at;
  {
    NatsServer other(test::server_options(secrets_, folder_ / "other", "127.0.0.1"));
    ASSERT_TRUE(other.start());
    url = other.url();
    routes_at = ListenAddress::parse(other.route_address()).value();
    BusUser refused(loop_, 1, {.urls = {url}, .user = "node", .password = "right"});
    BusUser anonymous(loop_, 4, {.urls = {url}});
    BusUser user(loop_, 2, other);
    BusUser second(loop_, 3, other);
    ASSERT_TRUE(test::reaches(user, second));
    EXPECT_FALSE(refused.connected());
    EXPECT_FALSE(anonymous.connected());
    other.stop();

    const NatsConfig config{.name = "right",
                            .cluster = "test",
                            .client_port = ListenAddress::parse(url.substr(7)).value().port,
                            .user = "node",
                            .password = "right",
                            .system_password = "s",
                            .routes_at = routes_at,
                            .secret = "s",
                            .certificate_file = folder_ / "other/certificate.pem",
                            .key_file = folder_ / "other/key.pem",
                            .authority_file = folder_ / "other/authority.pem"};
    ASSERT_TRUE(write_private_file(folder_ / "right.conf", to_text(config)));
    const auto right = ChildProcess::start("/usr/sbin/nats-server", {"-c", folder_ / "right.conf"});
    ASSERT_TRUE(right);
    EXPECT_TRUE(test::eventually([&] { return refused.connected(); }));
    EXPECT_FALSE(anonymous.connected());
  }
}

TEST_F(NatsBusTest, ConnectsToAServerThatComesLater) {
  NatsServer later(test::server_options(secrets_, folder_ / "later", "127.0.0.2"));
  ASSERT_TRUE(later.start());
  ::kill(later.pid(), SIGSTOP);  // accepts, and says nothing
  BusUser user(loop_, 2, later);
  EXPECT_FALSE(user.connected());
  ::kill(later.pid(), SIGCONT);
  EXPECT_TRUE(test::eventually([&] { return user.connected(); }));
}

TEST_F(NatsBusTest, ClosesSoonWhenTheServerHangsOrIsGone) {
  Node& a = add(1);
  BusUser idle(loop_, 2, a.server);
  BusUser busy(loop_, 3, a.server);
  ASSERT_TRUE(test::reaches(idle, busy));
  ASSERT_TRUE(test::reaches(busy, idle));
  ::kill(a.server.pid(), SIGSTOP);
  // Fills the socket, so that a write is under way.
  const std::string large(Bus::kMaxFrame, 'x');
  for (int i = 0; i < 16; ++i) busy.send(2, large);
  const Deadline deadline(std::chrono::milliseconds(2'000));
  busy.close();
  idle.close();
  EXPECT_FALSE(deadline.passed());
  ::kill(a.server.pid(), SIGCONT);
  a.user->close();
  a.server.stop();
  const Deadline gone(std::chrono::milliseconds(1'000));
  BusUser(loop_, 4, a.server).close();
  EXPECT_FALSE(gone.passed());
}

TEST_F(NatsBusTest, NoFrameComesOnceItIsClosed) {
  Node& a = add(1);
  BusUser other(loop_, 2, a.server);
  ASSERT_TRUE(test::reaches(*a.user, other));
  for (int round = 0; round < 20; ++round) {
    BusUser brief(loop_, 3, a.server);
    ASSERT_TRUE(test::reaches(*a.user, brief));
    loop_.run([&] {
      for (int i = 0; i < 200; ++i) a.user->bus().broadcast("burst");
    });
    brief.frames().wait_for("burst");
    brief.close();
    const std::size_t count = brief.frames().all().size();
    a.user->broadcast("after " + std::to_string(round));
    ASSERT_TRUE(other.frames().wait_for("after " + std::to_string(round)));
    EXPECT_EQ(brief.frames().all().size(), count);
  }
}

TEST_F(NatsBusTest, NodeAddedLaterDisturbsNobody) {
  Node& a = add(1);
  Node& b = add(2);
  wait_for_all();
  std::vector<std::string> expected;
  const auto flow = [&](int frames) {
    for (int i = 0; i < frames; ++i) {
      expected.push_back("n" + std::to_string(expected.size()));
      a.user->send(2, expected.back());
    }
  };
  flow(100);
  Node& c = add(3);
  for (Node* old : {&a, &b}) old->server.set_routes(addresses());
  const std::string probe = "probe c";
  test::eventually([&] {
    flow(20);
    c.user->send(1, probe);
    a.user->send(3, probe);
    return a.user->frames().wait_for(probe, std::chrono::milliseconds(1)) &&
           c.user->frames().wait_for(probe, std::chrono::milliseconds(1));
  });
  // Whoever was there is told of it, too, a while later.
  const auto told = [&](const char* node) {
    std::ifstream in(folder_ / node + "/nats-server.conf");
    const std::string config{std::istreambuf_iterator<char>(in), {}};
    return config.contains("@" + c.server.route_address());
  };
  EXPECT_TRUE(test::eventually([&] {
    flow(1);
    return told("node1") && told("node2");
  }));
  flow(100);
  EXPECT_TRUE(test::all_reach_all({&a, &b, &c}));
  EXPECT_TRUE(b.user->frames().wait_for(expected.back()));
  EXPECT_EQ(b.user->frames().like("n"), expected);
}

}  // namespace
}  // namespace starling::bus
