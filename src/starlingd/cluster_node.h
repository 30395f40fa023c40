// ClusterNode: what makes a node a member of its cluster: the nats-server of its own, or the NATS
// that is there, and the Cluster on a loop and thread of its own.
//
// What all nodes share, a secret and the authority of their certificates, is in the store; the
// first node makes it.
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "admin/doctor/facts.h"
#include "base/result.h"
#include "base/task.h"
#include "bus/cluster_certificates.h"
#include "bus/nats_server.h"
#include "cloud/lifecycle.h"
#include "cluster/cluster.h"
#include "config/config.h"
#include "core/peers.h"
#include "net/io_loop.h"
#include "store/store.h"

namespace starling::starlingd {

class ClusterNode {
 public:
  struct Hooks {
    std::function<cluster::Load()> load;  // this node's
    std::function<void(bool)> serving;    // whether the node may serve, when that changes
  };
  // The hooks are called on the cluster's thread. `machine` says what the configuration does not.
  ClusterNode(const config::Config& config, store::Store& store, cloud::Identity machine,
              Hooks hooks);
  ~ClusterNode();
  ClusterNode(const ClusterNode&) = delete;
  ClusterNode& operator=(const ClusterNode&) = delete;

  // Makes the Cluster; what is called of it before start() waits. Errors: what to do about them.
  // Blocking.
  Result<> prepare();
  [[nodiscard]] cluster::Cluster& cluster() { return *cluster_; }
  [[nodiscard]] net::IoLoop& loop() { return loop_; }

  // Joins, and waits until the node may serve; `peers` outlives this. Errors: timeout.
  Result<> start(core::Peers& peers);
  // Those that serve, as this one sees them. Blocks for a moment; nullopt if that is too short.
  std::optional<std::vector<cloud::NodeLoad>> present_nodes();
  // For the doctor. On any loop.
  Task<admin::doctor::ClusterFacts> facts();

  // The others choose this node no more; what it has stays for now.
  void drain();
  // Leaves. What runs on workers must have ended, but their loops turn. False if something hangs.
  bool stop();

 private:
  struct Shared {
    std::string secret;
    bus::CertifiedKey authority;
  };
  Result<std::string> own_address() const;
  Task<Result<Shared>> shared();
  Result<> start_server(const std::string& address);
  Result<store::Roll> read_roll();
  template <class T>
  T wait(Task<T> task);
  void members_are_at(const std::vector<std::string>& addresses);
  std::unique_ptr<bus::Bus> make_bus(cluster::NodeId self);

  const config::Config config_;
  store::Store& store_;
  const cloud::Identity machine_;
  const Hooks hooks_;
  net::IoLoop loop_;
  Gate gate_;  // of tasks on the loop
  std::unique_ptr<bus::NatsServer> server_;
  std::unique_ptr<cluster::Cluster> cluster_;
  std::string run_folder_;
  std::vector<std::string> routes_;  // that the server started with
  bool routes_complete_ = false;     // on the loop, as soon as it turns
  bool started_ = false;
  bool was_up_ = false;  // on the loop
  std::promise<void> up_;
  std::thread thread_;
};

}  // namespace starling::starlingd
