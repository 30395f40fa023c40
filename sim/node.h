// Node: one life of a server process on a machine of a run: whole, but for sockets and the bus.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/task.h"
#include "cluster/cluster.h"
#include "core/peers.h"
#include "core/server.h"
#include "sim/chore.h"
#include "sim/loop.h"
#include "store/store.h"

namespace starling::sim {

class Stream;
class World;

class Node final : private cluster::Receiver {
 public:
  Node(World& world, int machine, int life);
  ~Node() override;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  [[nodiscard]] int machine() const { return machine_; }
  [[nodiscard]] int life() const { return life_; }
  // The process is there; it may stand still.
  [[nodiscard]] bool running() const { return state_ != State::over; }
  [[nodiscard]] bool paused() const { return paused_; }
  [[nodiscard]] bool stopping() const { return state_ == State::stopping; }
  // It takes connections.
  [[nodiscard]] bool listening() const { return state_ == State::up; }
  [[nodiscard]] bool serving() const { return running() && cluster_->serving(); }

  void crash();
  void pause();
  void go_on();
  // Stops it as an operator would. on_left() when it has.
  void stop();
  void step_clock(Duration by);

  [[nodiscard]] core::Server& server() { return *server_; }
  [[nodiscard]] cluster::Cluster& cluster() { return *cluster_; }
  [[nodiscard]] SimLoop& worker_loop(std::size_t index) { return *loops_[index + 1]; }
  [[nodiscard]] SimLoop& cluster_loop() { return *loops_[0]; }
  [[nodiscard]] std::uint16_t slot() const { return slot_; }
  [[nodiscard]] const auto& chores() const { return chores_; }

  // It keeps an account with sessions that are parked.
  [[nodiscard]] bool keeps_parked();

  // What is connected to it. On any loop of this node.
  std::vector<std::shared_ptr<Stream>> streams;

 private:
  enum class State : std::uint8_t { starting, up, stopping, over };

  Task<void> start();
  Task<void> look_for_serving();
  Task<void> leave();
  void end_streams();
  void must_stop_in_time();
  void close_gates();

  void joined(const store::Member& self) override;
  void fenced(std::string_view why) override;
  void parcel(cluster::NodeId from, std::string_view bytes) override {
    peers_->parcel(from, bytes);
  }
  void batch_end() override { peers_->batch_end(); }
  void keepers_changed() override { peers_->keepers_changed(); }
  void peer_gone(cluster::NodeId peer, const std::vector<std::string>& accounts) override {
    peers_->peer_gone(peer, accounts);
  }
  void home_conflict(const std::string& account, cluster::Home mine, cluster::Home other) override;
  void other_home(const std::string& account, cluster::Home other) override;

  World& world_;
  const int machine_;
  const int life_;
  State state_ = State::starting;
  bool paused_ = false;
  int times_paused_ = 0;
  std::uint16_t slot_ = 0;
  std::vector<std::unique_ptr<SimLoop>> loops_;  // the cluster's, then the workers'
  std::unique_ptr<store::Store> store_;
  std::optional<core::Server> server_;
  std::optional<core::Peers> peers_;
  std::vector<std::unique_ptr<Chore>> chores_;
  std::unique_ptr<cluster::Cluster> cluster_;
  Gate starting_;      // on the first worker's loop
  Gate cluster_gate_;  // on the cluster's
};

}  // namespace starling::sim
