// ask_all: has every node of the cluster do one of its procedures, and collects what they say.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/task.h"
#include "bus/bus.h"
#include "cluster/cluster.h"
#include "core/server.h"

namespace starling::admin {

using Json = nlohmann::ordered_json;

struct Answers {
  std::map<bus::NodeId, Json> by_node;  // this node is self_id()
  std::vector<std::string> missing;     // names of those that gave none in time
};

// The answers of a procedure (core/node_calls.h) that takes and gives JSON, of this node and of all
// others, which are asked at the same time. Whoever has said nothing after three seconds, or is of
// a version that does not know the procedure, is missing. On the loop of worker 0.
Task<Answers> ask_all(core::Server& server, std::string procedure, Json arguments = Json::object());
// The same of the others only.
Task<Answers> ask_others(core::Server& server, std::string procedure,
                         Json arguments = Json::object());

// This node's number; 0 if it is alone.
[[nodiscard]] bus::NodeId self_id(const core::Server& server);
// All members as this node sees them; empty if it is alone. On any loop.
Task<std::vector<cluster::PeerStatus>> members(core::Server& server);

// What the nodes are called.
class NodeNames {
 public:
  explicit NodeNames(std::map<bus::NodeId, std::string> names) : names_(std::move(names)) {}
  // That of the machine, if the node is alone.
  [[nodiscard]] std::string of(bus::NodeId node) const;

 private:
  std::map<bus::NodeId, std::string> names_;
};
Task<NodeNames> node_names(core::Server& server);

// What nodes have answered as "lines", each [TIME_US, {...}], of all of them in the order of time.
using NodeLine = std::pair<bus::NodeId, Json>;
[[nodiscard]] std::vector<NodeLine> lines_in_time(const Answers& answers);

// Bytes of a foreign origin may not be UTF-8; they are replaced.
[[nodiscard]] std::string to_bytes(const Json& json);

}  // namespace starling::admin
