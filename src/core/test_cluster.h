// TestCluster: several whole nodes without sockets in one test, over one store, driven by hand.
//
//   TestCluster cluster(3);
//   TestClient& alice = cluster.online(0, "alice@example.org/phone");   // at the first node
//   cluster.kill(0);
//   cluster.pass(20s);
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/test_network.h"
#include "core/peers.h"
#include "core/remote.h"
#include "core/test_server.h"
#include "store/memory.h"

namespace starling::core {

class TestCluster {
 public:
  explicit TestCluster(int nodes, std::span<const Module* const> modules = {},
                       std::size_t workers = 2, std::uint64_t seed = 1)
      : modules_(modules), workers_(workers), network(seed) {
    for (int i = 0; i < nodes; ++i) add_node();
    wait_for([this] {
      return std::ranges::all_of(nodes_, [](const auto& n) { return n->cluster->serving(); });
    });
  }
  ~TestCluster() { stop(); }
  TestCluster(const TestCluster&) = delete;
  TestCluster& operator=(const TestCluster&) = delete;

  class Node final : public TestNode {
   public:
    Node(TestCluster& all, int machine) : all_(all), machine_(machine) {
      for (std::size_t i = 0; i < all.workers_; ++i) {
        loops.push_back(std::make_unique<ManualLoop>());
        loops.back()->advance(all.now_.time_since_epoch());
      }
      store = all.database_.open();
      std::vector<EventLoop*> pointers;
      for (auto& loop : loops) pointers.push_back(loop.get());
      server_.emplace(*store, all.pool_, std::vector<std::string>{"example.org", "example.net"},
                      all.modules_, pointers);
      peers.emplace(*server_);
      cluster::Cluster::Parts parts;
      parts.loop = loops[0].get();
      parts.members = store->members();
      parts.make_bus = [this](cluster::NodeId id) {
        return all_.network.attach(id, machine_, *loops[0]);
      };
      store::MemberFacts facts;
      facts.address = "10.0.0." + std::to_string(machine_) + ":6222";
      facts.name = "node" + std::to_string(machine_);
      facts.format = cluster::kFormat;
      cluster = std::make_unique<cluster::Cluster>(std::move(parts), facts);
      server_->set_cluster(cluster.get());
      all_.run_task(*this, prepare());
      loops[0]->inside([this] { cluster->start(*peers); });
    }
    Server& server() override { return *server_; }
    ManualLoop& loop(std::size_t index) override { return *loops[index]; }
    void settle() override { all_.settle(); }
    Worker& worker_of(std::string_view bare) { return server_->worker(server_->home_of(bare)); }

    std::vector<std::unique_ptr<ManualLoop>> loops;
    std::unique_ptr<store::Store> store;
    std::unique_ptr<cluster::Cluster> cluster;
    std::optional<Peers> peers;
    bool frozen = false;  // or dead
    Gate leaving;

   private:
    friend class TestCluster;
    Task<void> prepare() { static_cast<void>(co_await server_->prepare()); }

    TestCluster& all_;
    const int machine_;
    std::optional<Server> server_;
  };

  Node& add_node() {
    nodes_.push_back(nullptr);
    nodes_.back() = std::make_unique<Node>(*this, static_cast<int>(nodes_.size()) - 1);
    return *nodes_.back();
  }
  [[nodiscard]] Node& node(std::size_t index) { return *nodes_[index]; }
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }

  TestClient& connect(std::size_t node_index, std::string_view full) {
    create_account(jid(full));
    clients_.push_back({std::make_unique<TestClient>(node(node_index), jid(full)), node_index});
    TestClient& client = *clients_.back().client;
    wait_for([&] { return client.connected() || client.refused(); }, std::chrono::seconds(10));
    return client;
  }
  // Available; what it received because of that is taken away.
  TestClient& online(std::size_t node_index, std::string_view full, int priority = 0) {
    TestClient& client = connect(node_index, full);
    client.send("<presence><priority>" + std::to_string(priority) + "</priority></presence>");
    pass(std::chrono::milliseconds(5));
    client.take();
    return client;
  }
  void create_account(const xmpp::Jid& address) {
    store::Account account;
    account.username = address.local();
    account.host = address.domain();
    wait(store_for_tests().accounts().create(std::move(account)));
  }
  void subscribe_both(std::string_view a, std::string_view b) {
    for (const auto& [owner, contact] : {std::pair(a, b), std::pair(b, a)}) {
      RosterItem item;
      item.jid = jid(contact);
      item.subscription.to = item.subscription.from = true;
      item.kept = true;
      ASSERT_TRUE(wait(store_roster_item(store_for_tests().maps(), jid(owner), std::move(item))));
    }
  }
  std::vector<std::string> archive_of(std::string_view owner) {
    const auto page = wait(store_for_tests().logs().read(
        std::string(owner), std::string(kArchiveLog), {}, 100'000, false));
    std::vector<std::string> texts;
    for (const auto& entry : page->entries) texts.push_back(entry.value);
    return texts;
  }

  // The node stops without a word, and its clients' connections with it.
  void kill(std::size_t index) {
    freeze(index);
    for (auto& [client, at] : clients_) {
      if (at == index) client->forget();
    }
  }
  void freeze(std::size_t index) { nodes_[index]->frozen = true; }
  void thaw(std::size_t index) {
    Node& thawed = *nodes_[index];
    thawed.frozen = false;
    for (auto& loop : thawed.loops) {
      const TimePoint there = loop->now();
      loop->inside([&] { loop->advance(now_ - there); });
    }
  }

  // Runs all loops, and carries all frames that are due, until nothing is left to do.
  void settle() {
    for (bool busy = true; busy;) {
      busy = network.deliver(now_);
      for (auto& node : nodes_) {
        if (node == nullptr || node->frozen) continue;
        for (auto& loop : node->loops) busy |= loop->run() > 0;
      }
    }
  }
  // Lets time pass.
  void pass(Duration time) {
    constexpr std::chrono::milliseconds kStep{5};
    for (const TimePoint until = now_ + time; now_ < until;) {
      now_ += kStep;
      network.deliver(now_);
      for (auto& node : nodes_) {
        if (node->frozen) continue;
        for (auto& loop : node->loops) loop->advance(kStep);
      }
      settle();
    }
  }
  bool wait_for(const std::function<bool()>& condition,
                Duration at_most = std::chrono::seconds(60)) {
    const TimePoint until = now_ + at_most;
    settle();
    while (!condition()) {
      if (now_ >= until) return false;
      pass(std::chrono::milliseconds(20));
    }
    return true;
  }
  [[nodiscard]] TimePoint now() const { return now_; }

  template <class T>
  T wait(Task<T> task) {
    std::optional<T> result;
    Gate gate;
    driver_.inside([&] { gate.spawn(collect(std::move(task), result)); });
    while (gate.count() > 0) {
      driver_.run();
      settle();
    }
    return std::move(*result);
  }

 private:
  struct Connected {
    std::unique_ptr<TestClient> client;
    std::size_t node;
  };
  template <class T>
  static Task<void> collect(Task<T> task, std::optional<T>& out) {
    out.emplace(co_await std::move(task));
  }
  void run_task(Node& node, Task<void> task) {
    Gate gate;
    node.loops[0]->inside([&] { gate.spawn(std::move(task)); });
    while (gate.count() > 0) node.loops[0]->run();
  }
  store::Store& store_for_tests() { return *test_store_; }

  static Task<void> leave(Node& node, bool& left) {
    co_await node.cluster->leave();
    left = true;
  }

  void stop() {
    network.cut = [](int, int) { return false; };
    network.faults = {};
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i]->frozen) thaw(i);
    }
    pass(std::chrono::seconds(5));
    for (auto& [client, at] : clients_) {
      if (client->connected()) client->disconnect();
    }
    pass(std::chrono::seconds(1));
    for (auto& node : nodes_) {
      bool left = false;
      node->loops[0]->inside([&] { node->leaving.spawn(leave(*node, left)); });
      EXPECT_TRUE(wait_for([&] { return left; }));
    }
    for (auto& node : nodes_) {
      for (std::size_t i = 0; i < workers_; ++i) {
        bool closed = false;
        node->loops[i]->inside(
            [&] { node->server().worker(i).gate().close([&closed] { closed = true; }); });
        EXPECT_TRUE(wait_for([&] { return closed; }))
            << "something of worker " << i << " of a node never ended";
      }
    }
  }

  std::span<const Module* const> modules_;
  std::size_t workers_;
  store::MemoryDatabase database_;
  std::unique_ptr<store::Store> test_store_ = database_.open();
  ManualLoop driver_;
  ThreadPool pool_{1, "test"};
  TimePoint now_{std::chrono::hours(1)};
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<Connected> clients_;

 public:
  cluster::TestNetwork network;
};

}  // namespace starling::core
