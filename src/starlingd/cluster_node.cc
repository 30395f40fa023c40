#include "starlingd/cluster_node.h"

#include <pthread.h>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <future>
#include <utility>

#include "base/log.h"
#include "base/machine_name.h"
#include "base/random.h"
#include "base/run_on.h"
#include "base/version.h"
#include "bus/nats_bus.h"
#include "core/secrets.h"
#include "store/postgres.h"

namespace starling::starlingd {

namespace {

constexpr std::chrono::seconds kStartDeadline{60};
constexpr int kRollTries = 10;  // two seconds each
constexpr std::chrono::seconds kStopDeadline{10};
constexpr std::chrono::seconds kStatusDeadline{2};
constexpr std::size_t kSecretBytes = 26;
constexpr std::chrono::hours kNever{240};  // as good as

cluster::Timing timing_of(const config::ClusterOptions& options) {
  cluster::Timing timing;
  timing.renew = options.renew;
  timing.suspect = options.suspect;
  timing.fence = options.fence;
  timing.dead = options.dead;
  return timing;
}

}  // namespace

ClusterNode::ClusterNode(const config::Config& config, store::Store& store, cloud::Identity machine,
                         Hooks hooks)
    : config_(config), store_(store), machine_(std::move(machine)), hooks_(std::move(hooks)) {}

ClusterNode::~ClusterNode() {
  if (thread_.joinable()) {
    loop_.stop();
    thread_.join();
  }
}

template <class T>
T ClusterNode::wait(Task<T> task) {
  std::promise<T> promise;
  auto result = promise.get_future();
  const auto run = [](Task<T> awaited, std::promise<T>* done) -> Task<void> {
    done->set_value(co_await std::move(awaited));
  };
  loop_.post([&] { gate_.spawn(run(std::move(task), &promise)); });
  return result.get();
}

Result<> ClusterNode::prepare() {
  thread_ = std::thread([this] { loop_.run(); });
  pthread_setname_np(thread_.native_handle(), "cluster");
  const auto address = own_address();
  if (!address) return std::unexpected(address.error());
  if (config_.cluster.bus.empty()) {
    if (auto started = start_server(*address); !started) return started;
  }

  cluster::Cluster::Parts parts;
  parts.loop = &loop_;
  parts.members = store_.members();
  parts.load = hooks_.load;
  parts.client_address = config_.cluster.client_address;
  parts.on_serving = [this](bool serving) {
    if (!std::exchange(was_up_, true)) return up_.set_value();  // start() waits for it
    hooks_.serving(serving);
  };
  parts.make_bus = [this](cluster::NodeId self) { return make_bus(self); };
  // On a bus that is there already nodes have no port, and several may be at one address.
  parts.address_is_own = server_ != nullptr;
  if (server_) {
    parts.on_addresses = [this](const std::vector<std::string>& all) { members_are_at(all); };
  }
  store::MemberFacts facts;
  facts.address = server_ ? server_->route_address() : *address;
  facts.name = !config_.cluster.name.empty() ? config_.cluster.name
               : !machine_.name.empty()      ? machine_.name
                                             : machine_name();
  facts.version = kVersionText;
  facts.format = cluster::Cluster::own_format();
  cluster_ =
      std::make_unique<cluster::Cluster>(std::move(parts), facts, timing_of(config_.cluster));
  return {};
}

Result<std::string> ClusterNode::own_address() const {
  if (!config_.cluster.address.empty()) return config_.cluster.address;
  if (!machine_.address.empty()) return machine_.address;
  return store::address_towards_postgres(config_.database);
}

Task<Result<ClusterNode::Shared>> ClusterNode::shared() {
  auto& maps = store_.maps();
  const auto made = bus::make_authority();
  if (!made) co_return std::unexpected(made.error());
  // Whoever is first makes it; all come to the same.
  auto secret = co_await core::shared_secret(maps, "cluster-secret", random_token(kSecretBytes));
  if (!secret) co_return std::unexpected(secret.error());
  auto authority =
      co_await core::shared_secret(maps, "cluster-authority", made->certificate + made->key);
  if (!authority) co_return std::unexpected(authority.error());
  const auto key = authority->find("-----BEGIN PRIVATE KEY");
  if (key == std::string::npos)
    co_return fail(Errc::internal, "the cluster's authority is damaged");
  co_return Shared{std::move(*secret), {authority->substr(0, key), authority->substr(key)}};
}

Result<> ClusterNode::start_server(const std::string& address) {
  auto known = wait(shared());
  if (!known) return std::unexpected(known.error());
  auto own = bus::make_certificate(known->authority, address);
  if (!own) return fail(own.error().code, "cluster.address: " + own.error().message);
  // A name of its own at each start: what an earlier one left is nobody's.
  run_folder_ = config_.data_dir + "/bus";
  std::error_code ignored;
  std::filesystem::remove_all(run_folder_, ignored);

  bus::NatsServerOptions options;
  options.program = config_.cluster.nats_server;
  options.folder = run_folder_;
  options.ip = address;
  options.route_port = config_.cluster.port;
  options.name = random_token(kSecretBytes);
  options.secret = known->secret;
  options.certificate = std::move(own->certificate);
  options.key = std::move(own->key);
  options.authority = known->authority.certificate;
  options.quiet = kNever;
  server_ = std::make_unique<bus::NatsServer>(std::move(options));
  server_->on_moved([this](const std::string& url) {
    loop_.post([this, url] {
      auto* const nats = dynamic_cast<bus::NatsBus*>(cluster_->bus());
      if (nats != nullptr) nats->move_to({url});
    });
  });
  const auto roll = read_roll();
  if (!roll) return std::unexpected(roll.error());
  std::vector<std::string> others;
  for (const auto& member : roll->members) others.push_back(member.facts.address);
  server_->set_routes(others);
  routes_ = std::move(others);
  if (auto started = server_->start(); !started) {
    return fail(started.error().code, "cluster: " + started.error().message);
  }
  return {};
}

// A renewal gives up soon, as there is another; here a database that is slow to take the
// connection, as many nodes start at once, is no reason not to start.
Result<store::Roll> ClusterNode::read_roll() {
  auto roll = wait(store_.members()->read());
  for (int tries = 1; tries < kRollTries && !roll && roll.error().code == Errc::unavailable;
       ++tries) {
    roll = wait(store_.members()->read());
  }
  return roll;
}

// Of two nodes the one that joined later connects to the other; so it must know of all that were
// there when it joined, and some may have come after it had looked. Nobody else has to be told: a
// nats-server that is told of changes forgets subscriptions (bus/nats_server.h).
void ClusterNode::members_are_at(const std::vector<std::string>& addresses) {
  server_->set_routes(addresses);
  if (std::exchange(routes_complete_, true)) return;
  const bool missed = std::ranges::any_of(addresses, [this](const std::string& address) {
    return address != server_->route_address() &&
           std::ranges::find(routes_, address) == routes_.end();
  });
  if (missed) server_->restart();
}

std::unique_ptr<bus::Bus> ClusterNode::make_bus(cluster::NodeId self) {
  bus::NatsBusOptions options;
  if (server_) {
    options.urls = {server_->url()};
    options.user = server_->user();
    options.password = server_->password();
    options.redial = [this] { server_->restart(); };
  } else {
    options.urls = {config_.cluster.bus};
  }
  return std::make_unique<bus::NatsBus>(loop_, self, std::move(options));
}

Result<> ClusterNode::start(core::Peers& peers) {
  loop_.post([this, &peers] { cluster_->start(peers); });
  started_ = true;
  if (up_.get_future().wait_for(kStartDeadline) == std::future_status::ready) return {};
  return fail(Errc::timeout, "the node could not join its cluster; the log says why");
}

std::optional<std::vector<cloud::NodeLoad>> ClusterNode::present_nodes() {
  // The loop may end before it comes to this.
  const auto found = std::make_shared<std::promise<std::vector<cloud::NodeLoad>>>();
  auto nodes = found->get_future();
  loop_.post([this, found] {
    std::vector<cloud::NodeLoad> present;
    for (const cluster::PeerStatus& peer : cluster_->status()) {
      const store::MemberFacts& facts = peer.member.facts;
      const bool is_leaving = facts.state == store::MemberState::draining;
      if (!is_leaving && (facts.state != store::MemberState::up || !peer.load)) continue;
      present.push_back({.name = facts.name,
                         .sessions = peer.load ? peer.load->sessions : 0,
                         .is_leaving = is_leaving});
    }
    found->set_value(std::move(present));
  });
  if (nodes.wait_for(kStatusDeadline) != std::future_status::ready) return std::nullopt;
  return nodes.get();
}

Task<admin::doctor::ClusterFacts> ClusterNode::facts() {
  const auto look = [this] {
    admin::doctor::ClusterFacts facts;
    facts.member = true;
    facts.serving = cluster_->serving();
    facts.bus_connected = cluster_->bus() != nullptr && cluster_->bus()->connected();
    facts.clock_offset_us = cluster_->clock_skew_us();
    facts.version = kVersionText;
    for (const cluster::PeerStatus& peer : cluster_->status()) {
      if (peer.self) continue;
      const store::Member& member = peer.member;
      const auto& hears = peer.hears;
      facts.peers.push_back({
          .name = member.facts.name + " at " + member.facts.address,
          .version = member.facts.version,
          .hears_us = std::ranges::find(hears, cluster_->self()) != hears.end(),
          .heard = peer.reachable,
          .knows_sessions = peer.directory_synced,
          .lease_ms_ago = member.silent_for.count(),
      });
    }
    return facts;
  };
  co_return co_await run_on(loop_, look);
}

void ClusterNode::drain() {
  loop_.post([this] { cluster_->drain(); });
}

bool ClusterNode::stop() {
  if (!thread_.joinable()) return true;
  bool left = true;
  if (std::exchange(started_, false)) {
    std::promise<void> promise;
    auto done = promise.get_future();
    const auto leave = [](cluster::Cluster* all, std::promise<void>* end) -> Task<void> {
      co_await all->leave();
      end->set_value();
    };
    loop_.post([&] { gate_.spawn(leave(cluster_.get(), &promise)); });
    left = done.wait_for(kStopDeadline) == std::future_status::ready;
    if (!left) return false;
  }
  if (server_) server_->on_moved(nullptr);
  loop_.stop();
  thread_.join();
  if (server_) server_->stop();
  std::error_code ignored;
  if (!run_folder_.empty()) std::filesystem::remove_all(run_folder_, ignored);
  return left;
}

}  // namespace starling::starlingd
