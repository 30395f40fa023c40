// What a command asks every node of the cluster, this one among them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "admin/call.h"
#include "cluster/cluster.h"
#include "core/node_calls.h"

namespace starling::admin {

// What this node sees of all of them.
Task<std::vector<cluster::PeerStatus>> view_of(cluster::Cluster* all);

struct NodeAnswer {
  bus::NodeId node = 0;  // 0: this one, which is alone
  std::string name;      // "" if it is alone
  std::string address;
  Result<Json> answer;
};
// `procedure`, which is called `name` between nodes. This node answers first.
Task<std::vector<NodeAnswer>> ask_every_node(core::Server& server, std::string name,
                                             core::Procedure procedure, std::string arguments);

}  // namespace starling::admin
