// A node that is short of memory, as its clients see it (core/memory_budget.h).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include "stream/test_client.h"

namespace starling::stream {
namespace {

using test::TestClient;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::size_t kBody = 50'000;

class C2sMemory : public testing::TestWithParam<std::size_t> {
 protected:
  C2sMemory() {
    options_->starttls_required = false;
    node_.server().memory_budget().set_max(1'000);
    node_.add_account("bob");
  }
  std::unique_ptr<TestClient> log_in(std::string_view resource,
                                     std::string_view username = "alice") {
    auto client = std::make_unique<TestClient>(node_, options_);
    client->log_in(resource, username);
    return client;
  }
  void use(std::uint64_t resident) { node_.server().memory_budget().update(resident); }
  // Nothing leaves for this client any more; so much is sent to it.
  void pile_up(TestClient& client, TestClient& from, const std::string& to, int messages) {
    client.on_loop([&] { client.connection().peer_takes(0); });
    for (int i = 0; i < messages; ++i) {
      from.say("<message type='headline' to='" + to + "'><body>" + std::string(kBody, 'x') +
               "</body></message>");
    }
  }
  // Those that would be shed, on all workers.
  std::vector<C2sService::Load> heaviest() {
    std::vector<C2sService::Load> all;
    for (std::size_t i = 0; i < GetParam(); ++i) {
      for (auto& load : node_.service(i).heaviest(10)) all.push_back(std::move(load));
    }
    return all;
  }
  void shed_all() {
    for (std::size_t i = 0; i < GetParam(); ++i) {
      node_.loop(i).inside([&] {
        for (const auto& load : node_.service(i).heaviest(10)) node_.service(i).shed(load);
      });
    }
    node_.settle();
  }

  ThreadPool pool_{1, "test"};
  test::TestNode node_{pool_, GetParam(), {}};
  std::shared_ptr<C2sOptions> options_ = std::make_shared<C2sOptions>();
};
INSTANTIATE_TEST_SUITE_P(Workers, C2sMemory, testing::Values(1, 3));

TEST_P(C2sMemory, Refusing_NewConnectionsAndSessionsButNotThoseThatAreThere) {
  const auto alice = log_in("x");
  TestClient half(node_, options_);
  half.open();
  half.scram({});
  half.open();
  use(950);
  TestClient late(node_, options_);
  EXPECT_THAT(late.take(), HasSubstr("<resource-constraint"));
  EXPECT_TRUE(late.ended());
  EXPECT_THAT(half.bind("y"), HasSubstr("<resource-constraint"));
  EXPECT_TRUE(half.ended());
  EXPECT_THAT(alice->say("<iq type='get' id='1' to='alice@example.org/x'><ping xmlns='x'/></iq>"),
              HasSubstr("id='1'"));
  use(500);
  EXPECT_THAT(log_in("z")->take(), IsEmpty());
}

TEST_P(C2sMemory, Shed_EndsWhoReadsNothing) {
  const auto sender = log_in("s");
  const auto bob = log_in("b", "bob");
  const auto idle = log_in("i", "bob");
  EXPECT_THAT(heaviest(), IsEmpty());
  pile_up(*bob, *sender, "bob@example.org/b", 3);
  const auto loads = heaviest();
  ASSERT_THAT(loads, SizeIs(1));
  EXPECT_GT(loads[0].bytes, 3 * kBody);
  shed_all();
  EXPECT_TRUE(bob->dropped());
  EXPECT_FALSE(idle->dropped());
  EXPECT_THAT(heaviest(), IsEmpty());
  EXPECT_EQ(node_.server().session_count(), 2);
}

TEST_P(C2sMemory, Shed_AResumableSessionIsDetachedThenEnded) {
  const auto sender = log_in("s");
  const auto bob = log_in("b", "bob");
  bob->say("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
  pile_up(*bob, *sender, "bob@example.org/b", 3);
  shed_all();
  EXPECT_TRUE(bob->dropped());
  EXPECT_EQ(node_.server().session_count(), 2) << "it can still be resumed";
  shed_all();
  EXPECT_EQ(node_.server().session_count(), 1);
}

TEST_P(C2sMemory, Shed_TheHeaviestFirst) {
  const auto sender = log_in("s");
  const auto bob = log_in("b", "bob");
  const auto other = log_in("o", "bob");
  pile_up(*bob, *sender, "bob@example.org/b", 2);
  pile_up(*other, *sender, "bob@example.org/o", 4);
  const std::size_t home = node_.server().home_of("bob@example.org");
  const auto loads = node_.service(home).heaviest(1);
  ASSERT_THAT(loads, SizeIs(1));
  node_.loop(home).inside([&] { node_.service(home).shed(loads[0]); });
  node_.settle();
  EXPECT_TRUE(other->dropped());
  EXPECT_FALSE(bob->dropped());
}

// What the metrics tell. Each second an eighth of the streams is looked at.
TEST_P(C2sMemory, Held_IsWhatAllStreamsHave) {
  const auto held = [&] {
    for (int i = 0; i < 20; ++i) node_.advance(std::chrono::seconds(1));
    StreamMemory all;
    for (std::size_t w = 0; w < GetParam(); ++w) {
      const StreamMemory one = node_.service(w).held();
      all.streams += one.streams;
      all.queued += one.queued;
      all.unacknowledged += one.unacknowledged;
    }
    return all;
  };
  EXPECT_EQ(held().streams, 0);
  const auto sender = log_in("s");
  const auto bob = log_in("b", "bob");
  const auto other = log_in("o", "bob");
  other->say("<enable xmlns='urn:xmpp:sm:3'/>");
  pile_up(*bob, *sender, "bob@example.org/b", 2);
  sender->say("<message type='headline' to='bob@example.org/o'><body>" + std::string(kBody, 'x') +
              "</body></message>");
  const StreamMemory all = held();
  EXPECT_EQ(all.streams, 3);
  EXPECT_GT(all.queued, 2 * kBody);
  EXPECT_LT(all.queued, 3 * kBody);
  EXPECT_GT(all.unacknowledged, kBody);
  EXPECT_LT(all.unacknowledged, 2 * kBody);
}

}  // namespace
}  // namespace starling::stream
