// Any bytes as what another node of the cluster says, against a whole node in memory.
//
// The first byte chooses: even, frames as they come from the bus, each with its length before it
// (two bytes); odd, parcels in the same way, as if a link had brought them. Whatever is said:
// nothing breaks, and what the node answers are frames that can be read.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/manual_loop.h"
#include "base/thread_pool.h"
#include "cluster/cluster.h"
#include "core/peers.h"
#include "core/server.h"
#include "modules/registry.h"
#include "store/memory.h"

namespace {

using namespace starling;  // NOLINT(google-build-using-namespace)

constexpr std::string_view kPeerAddress = "10.0.0.2:6222";

void require(bool ok) {
  if (!ok) std::abort();
}

// What the node sends is looked at, and goes nowhere.
class CheckingBus final : public bus::Bus {
 public:
  void send(bus::NodeId /*to*/, std::string_view frame) override { check(frame); }
  void broadcast(std::string_view frame) override { check(frame); }
  void on_frame(std::function<void(std::string_view)> handler) override {
    handler_ = std::move(handler);
  }
  [[nodiscard]] bool connected() const override { return true; }
  void bring(std::string_view frame) { handler_(frame); }

 private:
  static void check(std::string_view bytes) {
    cluster::Decoder frame(bytes);
    require(cluster::read_head(frame).has_value());
  }
  std::function<void(std::string_view)> handler_;
};

class TestedNode {
 public:
  TestedNode() {
    store_ = database_.open();
    server_ =
        std::make_unique<core::Server>(*store_, pool(), std::vector<std::string>{"example.org"},
                                       modules::all(), std::vector<EventLoop*>{&loop_});
    peers_ = std::make_unique<core::Peers>(*server_);
    cluster::Cluster::Parts parts;
    parts.loop = &loop_;
    parts.members = store_->members();
    parts.make_bus = [this](bus::NodeId) {
      auto made = std::make_unique<CheckingBus>();
      bus_ = made.get();
      return made;
    };
    cluster_ = std::make_unique<cluster::Cluster>(std::move(parts), facts("10.0.0.1:6222"));
    server_->set_cluster(cluster_.get());
    loop_.inside([this] {
      gate_.spawn(prepare());
      loop_.run();
      cluster_->start(*peers_);
    });
    // The other one is never heard, and not yet taken for dead.
    loop_.advance(std::chrono::seconds(9));
    require(cluster_->serving() && bus_ != nullptr);
  }
  ~TestedNode() {
    loop_.inside([this] { gate_.spawn(leave()); });
    loop_.advance(std::chrono::seconds(60));
    bool closed = false;
    loop_.inside([&] { server_->worker(0).gate().close([&closed] { closed = true; }); });
    loop_.advance(std::chrono::seconds(60));
    require(closed);
  }
  TestedNode(const TestedNode&) = delete;
  TestedNode& operator=(const TestedNode&) = delete;

  void frame(std::string_view bytes) {
    loop_.inside([&] { bus_->bring(bytes); });
    loop_.advance(std::chrono::milliseconds(10));
  }
  void parcel(std::string_view bytes) {
    loop_.inside([&] {
      peers_->parcel(peer_, bytes);
      peers_->batch_end();
    });
    loop_.advance(std::chrono::milliseconds(10));
  }

 private:
  static ThreadPool& pool() {
    static ThreadPool one(1, "fuzz");
    return one;
  }
  static store::MemberFacts facts(std::string_view address) {
    store::MemberFacts facts;
    facts.state = store::MemberState::up;
    facts.address = address;
    facts.format = cluster::kFormat;
    return facts;
  }
  Task<void> prepare() {
    const auto other = co_await store_->members()->join(facts(kPeerAddress));
    peer_ = other->epoch;
    store::Account bob;
    bob.username = "bob";
    bob.host = "example.org";
    static_cast<void>(co_await store_->accounts().create(bob));
    static_cast<void>(co_await server_->prepare());
  }
  Task<void> leave() { co_await cluster_->leave(); }

  ManualLoop loop_;
  store::MemoryDatabase database_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<core::Server> server_;
  std::unique_ptr<core::Peers> peers_;
  std::unique_ptr<cluster::Cluster> cluster_;
  CheckingBus* bus_ = nullptr;
  bus::NodeId peer_ = 0;
  Gate gate_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  log::configure(log::Level::error, log::Format::text);
  log::set_level(log::Level::error);
  const bool parcels = (data[0] & 1U) != 0;
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  TestedNode node;
  while (rest.size() > 2) {
    const std::size_t wanted =
        static_cast<std::uint8_t>(rest[0]) + (static_cast<std::uint8_t>(rest[1]) << 8U);
    rest.remove_prefix(2);
    const std::string_view piece = rest.substr(0, wanted);
    rest.remove_prefix(piece.size());
    if (parcels) {
      node.parcel(piece);
    } else {
      node.frame(piece);
    }
  }
  return 0;
}
