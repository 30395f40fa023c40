// ClusterTimeline: what has happened in the cluster, as one node has seen it.
//
// It follows from what the node sees of the members now and saw a second ago. All nodes see the
// same, a little sooner or later; merge() makes one line of it.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cluster/cluster.h"

namespace starling::admin {

class ClusterTimeline {
 public:
  static constexpr std::size_t kMost = 200;

  struct Seen {
    std::vector<cluster::PeerStatus> members;  // this node among them
    std::vector<store::Lease> leases;
  };
  // What is to be seen at this time (microseconds since 1970). The first time, only this node is
  // new.
  void look(std::int64_t clock_us, const Seen& seen);

  // Oldest first: {"time_us", "event", "node", "name", ...}. Events: joined, up, draining, left,
  // died (it is gone and had not said so), unheard and heard (with `by`, the number of who does
  // not), lease (with `lease` and its `term`).
  [[nodiscard]] nlohmann::ordered_json events() const;

 private:
  struct Member {
    std::string name;
    store::MemberState state = store::MemberState::joining;
    bool heard = true;
  };
  void add(std::int64_t clock_us, std::string_view event, std::uint64_t node,
           const std::string& name, nlohmann::ordered_json more = {});
  void look_at(std::int64_t clock_us, const cluster::PeerStatus& peer, std::uint64_t self);

  bool looked_ = false;
  std::map<std::uint64_t, Member> members_;
  std::map<std::string, std::uint64_t> terms_;  // of leases
  std::deque<nlohmann::ordered_json> events_;
};

// Of all nodes, oldest first, each event once: when it was seen first. Those at the end, kMost of
// them.
[[nodiscard]] nlohmann::ordered_json merge(const std::vector<nlohmann::ordered_json>& nodes);

}  // namespace starling::admin
