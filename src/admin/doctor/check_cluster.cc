#include <cstdlib>

#include "admin/doctor/checks.h"

namespace starling::admin::doctor {

namespace {
constexpr std::int64_t kSkewUs = 1'000'000;
constexpr std::int64_t kLateLeaseMs = 6'000;
}  // namespace

void check_cluster(const ClusterFacts& cluster, Findings& findings) {
  if (!cluster.member) return;
  Report report(findings, "cluster");
  if (!cluster.serving) {
    report.error("this node is in no cluster at the moment, and serves nobody",
                 "see cluster_… in the log: can it reach the database?");
  }
  if (!cluster.bus_connected) {
    report.error("this node is not connected to its bus",
                 "see bus_… in the log; does the nats-server run?");
  }
  if (std::abs(cluster.clock_offset_us) > kSkewUs) {
    report.warning("the database's clock is " + std::to_string(cluster.clock_offset_us / 1'000) +
                       " ms ahead of this machine's",
                   "let both keep time (timedatectl set-ntp true)");
  }
  for (const PeerFacts& peer : cluster.peers) {
    if (!peer.heard || !peer.hears_us) {
      const std::string which = !peer.heard && !peer.hears_us
                                    ? "it and this node do not hear each other"
                                : peer.heard ? "it does not hear this node"
                                             : "this node does not hear it";
      report.error(peer.name + ": " + which,
                   "the port of its address must be open between all nodes; `starlingctl "
                   "cluster_status` shows who hears whom");
    } else if (peer.lease_ms_ago > kLateLeaseMs) {
      report.warning(
          peer.name + ": its lease was renewed " + std::to_string(peer.lease_ms_ago) + " ms ago",
          "can it reach the database? It stops serving soon");
    } else if (!peer.knows_sessions) {
      report.warning(peer.name + ": its sessions are not all known yet", "look again in a moment");
    } else {
      report.ok(peer.name + " is heard, hears this node, and renews its lease");
    }
    if (peer.version != cluster.version) {
      report.warning(peer.name + " runs version " + peer.version + ", this node " + cluster.version,
                     "finish the upgrade; two versions work together for that time");
    }
  }
  if (cluster.peers.empty()) report.ok("this node is the only one of its cluster");
}

}  // namespace starling::admin::doctor
