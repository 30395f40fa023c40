// Peers: hands what comes from the other nodes of the cluster to the workers it is for.
//
// Used on the cluster's loop.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/cluster.h"

namespace starling::core {

class Server;

class Peers final : public cluster::Receiver {
 public:
  explicit Peers(Server& server);

  void joined(const store::Member& self) override;
  void fenced(std::string_view why) override;
  void parcel(cluster::NodeId from, std::string_view parcel) override;
  void batch_end() override;
  void keepers_changed() override;
  void peer_gone(cluster::NodeId peer, const std::vector<std::string>& accounts) override;
  void home_conflict(const std::string& account, cluster::Home mine, cluster::Home other) override;
  void other_home(const std::string& account, cluster::Home other) override;

 private:
  Server& server_;
  // By worker: what this batch has for it.
  std::vector<std::vector<std::pair<cluster::NodeId, std::string>>> batches_;
};

}  // namespace starling::core
