#include "sim/node.h"

#include "base/pause.h"
#include "base/thread_pool.h"
#include "cluster/frames.h"
#include "modules/registry.h"
#include "sim/stream.h"
#include "sim/world.h"

namespace starling::sim {

namespace {
constexpr std::chrono::seconds kStopDeadline{30};
constexpr std::uint32_t kDrainRate = 200;
constexpr std::chrono::seconds kDrainDeadline{8};

// Nothing runs there: no client of a simulation derives keys.
ThreadPool& pool() {
  static ThreadPool* const unused = new ThreadPool(1, "sim");
  return *unused;
}
}  // namespace

Node::Node(World& world, int machine, int life) : world_(world), machine_(machine), life_(life) {
  Random& random = world.clock().random();
  // Each machine's monotonic clock counts from its own start.
  const Duration offset = random.between({}, std::chrono::hours(100));
  std::vector<EventLoop*> workers;
  for (std::size_t i = 0; i <= world.workers(); ++i) {
    loops_.push_back(std::make_unique<SimLoop>(world.clock(), offset));
    loops_.back()->wall_clock_error = world.clock_error_of(machine);
    if (i > 0) workers.push_back(loops_.back().get());
  }
  store_ = world.database().open();
  server_.emplace(*store_, pool(), std::vector<std::string>{World::kHost}, modules::all(), workers);
  peers_.emplace(*server_);
  cluster::Cluster::Parts parts;
  parts.loop = loops_[0].get();
  parts.members = store_->members();
  parts.make_bus = [this](cluster::NodeId id) {
    return world_.network().attach(id, machine_, *loops_[0]);
  };
  store::MemberFacts facts;
  facts.address =
      "10.0." + std::to_string(machine_ / 250) + "." + std::to_string(machine_ % 250) + ":6222";
  facts.name = "node" + std::to_string(machine_);
  facts.format = cluster::kFormat;
  cluster_ = std::make_unique<cluster::Cluster>(std::move(parts), facts);
  for (int i = 0; i < Chore::kChores; ++i) {
    chores_.push_back(std::make_unique<Chore>(world_, *this, "chore-" + std::to_string(i)));
    cluster_->leases().add(chores_.back()->name(), *chores_.back());
  }
  server_->set_cluster(cluster_.get());
  worker_loop(0).post([this] { starting_.spawn(start()); });
}

Node::~Node() = default;

Task<void> Node::start() {
  while (!co_await server_->prepare())
    co_await starling::pause(worker_loop(0), std::chrono::seconds(1));
  cluster_loop().post([this] { cluster_->start(*this); });
  co_await look_for_serving();
}

Task<void> Node::look_for_serving() {
  while (!cluster_->serving()) {
    if (state_ != State::starting) co_return;
    co_await starling::pause(worker_loop(0), std::chrono::milliseconds(10));
  }
  if (state_ == State::starting) state_ = State::up;
}

void Node::crash() {
  world_.node_crashed();
  state_ = State::over;
  for (auto& loop : loops_) loop->end();
  world_.network().detach_machine(machine_);
  world_.disturbed("crash");
  for (auto& stream : std::exchange(streams, {})) stream->node_crashed();
}

bool Node::keeps_parked() {
  bool found = false;
  for (std::size_t i = 0; i < server_->worker_count(); ++i) {
    server_->worker(i).directory().for_each_account(
        [&found](const core::LocalAccount& account) { found |= account.parked != nullptr; });
  }
  return found;
}

void Node::pause() {
  paused_ = true;
  ++times_paused_;
  for (auto& loop : loops_) loop->stand_still();
}

void Node::go_on() {
  paused_ = false;
  for (auto& loop : loops_) loop->go_on();
}

void Node::step_clock(Duration by) {
  for (auto& loop : loops_) loop->wall_clock_error += by;
}

void Node::stop() {
  if (state_ == State::starting) return crash();  // a process that does not serve is just killed
  if (state_ != State::up) return;
  state_ = State::stopping;
  world_.node_left();
  // As starlingd: first the sessions that can go on elsewhere, then the streams, then what is under
  // way, then the cluster.
  cluster_loop().post([this] { cluster_->drain(); });
  const auto left = std::make_shared<std::size_t>(server_->worker_count());
  const auto run = [](core::Worker* worker, Node* node,
                      std::shared_ptr<std::size_t> count) -> Task<void> {
    co_await node->server_->drain().run(*worker);
    if (--*count == 0) node->end_streams();
  };
  server_->drain().begin({.rate = kDrainRate, .deadline = kDrainDeadline});
  for (std::size_t i = 0; i < server_->worker_count(); ++i) {
    worker_loop(i).post([this, i, run, left] {
      server_->worker(i).gate().spawn(run(&server_->worker(i), this, left));
    });
  }
  must_stop_in_time();
}

void Node::must_stop_in_time() {
  world_.clock().after(kStopDeadline, [this, stood_still = times_paused_] {
    if (state_ != State::stopping) return;
    if (paused_ || times_paused_ != stood_still) return must_stop_in_time();
    std::string open;
    for (std::size_t i = 0; i < server_->worker_count(); ++i) {
      open += " " + std::to_string(server_->worker(i).gate().count());
    }
    world_.violated("node " + std::to_string(machine_) + " does not stop; in its gates:" + open);
  });
}

void Node::end_streams() {
  for (const auto& stream : streams) {
    worker_loop(stream->worker_index()).post([stream] { stream->shut_down(); });
  }
  world_.clock().after(std::chrono::milliseconds(50), [this] { close_gates(); });
}

void Node::close_gates() {
  const auto left = std::make_shared<std::size_t>(server_->worker_count());
  for (std::size_t i = 0; i < server_->worker_count(); ++i) {
    worker_loop(i).post([this, i, left] {
      server_->worker(i).stop([this, left] {
        if (--*left > 0) return;
        cluster_loop().post([this] { cluster_gate_.spawn(leave()); });
      });
    });
  }
}

Task<void> Node::leave() {
  co_await cluster_->leave();
  state_ = State::over;
  world_.note("node " + std::to_string(machine_) + " has left");
  for (auto& loop : loops_) loop->end();
  world_.network().detach_machine(machine_);
}

void Node::joined(const store::Member& self) {
  slot_ = self.slot;
  world_.node_joined(*this, self.epoch);
  peers_->joined(self);
}

void Node::fenced(std::string_view why) {
  world_.disturbed("fence");
  world_.note("node " + std::to_string(machine_) + " is fenced: " + std::string(why));
  peers_->fenced(why);
}

void Node::other_home(const std::string& account, cluster::Home other) {
  world_.detail([&] {
    return "node " + std::to_string(machine_) + " learns that " + account + " is at home at " +
           std::to_string(other.node);
  });
  peers_->other_home(account, other);
}

void Node::home_conflict(const std::string& account, cluster::Home mine, cluster::Home other) {
  world_.disturbed("two homes");
  world_.detail([&] {
    return "node " + std::to_string(machine_) + " is the home of " + account + ", and so is " +
           std::to_string(other.node) + (other < mine ? ", which gives way" : "; it gives way");
  });
  peers_->home_conflict(account, mine, other);
}

}  // namespace starling::sim
