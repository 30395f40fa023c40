// The cluster: who is in it, and who hears whom.
#include <array>
#include <utility>

#include "admin/ask_all.h"
#include "admin/call.h"
#include "admin/every_node.h"
#include "base/run_on.h"
#include "cluster/cluster.h"
#include "core/node_calls.h"

namespace starling::admin {

namespace {

using cluster::NodeId;
using cluster::PeerStatus;

constexpr const char* kProcedure = "cluster_view";
constexpr const char* kDrain = "drain_progress";

Result<cluster::Cluster*> cluster_of(const Call& call) {
  if (call.server.cluster() != nullptr) return call.server.cluster();
  return fail(Errc::invalid,
              "this node is alone: its database is SQLite; nodes that share a PostgreSQL database "
              "are a cluster");
}

Json describe(const PeerStatus& peer) {
  const store::Member& member = peer.member;
  Json one = Json::object();
  one["node"] = member.epoch;
  one["name"] = member.facts.name;
  one["address"] = member.facts.address;
  one["state"] = store::to_string(member.facts.state);
  one["version"] = member.facts.version;
  one["sessions"] = peer.load ? Json(peer.load->sessions) : Json("unknown");
  one["client_address"] = peer.client_address;
  const cluster::Effort* effort = peer.load && peer.load->effort ? &*peer.load->effort : nullptr;
  const auto told = [effort](std::uint64_t cluster::Effort::* figure) {
    return effort != nullptr ? Json(effort->*figure) : Json("unknown");
  };
  one["utilisation"] = told(&cluster::Effort::utilisation);
  one["stanzas_per_second"] = told(&cluster::Effort::stanzas_per_second);
  one["cpu_percent"] = told(&cluster::Effort::cpu_percent);
  one["memory"] = told(&cluster::Effort::memory);
  one["leases"] = peer.leases;
  one["hears"] = peer.hears;
  return one;
}

Json pair(NodeId node, const PeerStatus& other) {
  Json one = Json::object();
  one["node"] = node;
  one["other"] = other.member.epoch;
  one["hears"] = other.reachable;
  one["heard_ms_ago"] = other.heard_ms_ago;
  one["waiting_bytes"] = other.waiting_bytes;
  one["knows_sessions"] = other.directory_synced;
  one["lease_ms_ago"] = other.member.silent_for.count();
  one["version"] = other.member.facts.version;
  return one;
}

Json pairs(NodeId self, const std::vector<PeerStatus>& view) {
  Json all = Json::array();
  for (const PeerStatus& peer : view) {
    if (!peer.self) all.push_back(pair(self, peer));
  }
  return all;
}

Task<Result<Json>> list_cluster(Call call) {
  const auto all = cluster_of(call);
  if (!all) co_return std::unexpected(all.error());
  const Answers answers = co_await ask_all(call.server, kDrain);
  Json nodes = Json::array();
  for (const PeerStatus& peer : co_await view_of(*all)) {
    Json node = describe(peer);
    const auto drain = answers.by_node.find(peer.member.epoch);
    for (const char* figure : {"drain_left", "drain_began_with"}) {
      node[figure] = drain != answers.by_node.end() && drain->second.is_object()
                         ? drain->second.value(figure, Json())
                         : Json();
    }
    nodes.push_back(std::move(node));
  }
  co_return nodes;
}

Task<Result<Json>> cluster_status(Call call) {
  const auto all = cluster_of(call);
  if (!all) co_return std::unexpected(all.error());
  Json lines = pairs((*all)->self(), co_await view_of(*all));
  for (const NodeId node : core::other_nodes(call.server)) {
    const auto answer = co_await core::call_node(call.server, node, kProcedure, "");
    auto seen = answer ? Json::parse(*answer, nullptr, false) : Json();
    if (seen.is_array()) {
      for (auto& line : seen) lines.push_back(std::move(line));
    } else {
      Json silent = Json::object();
      silent["node"] = node;
      silent["error"] = answer ? "answers nonsense" : answer.error().message;
      lines.push_back(std::move(silent));
    }
  }
  co_return lines;
}

Task<Result<std::string>> view_for(core::Server& server, std::string /*arguments*/) {
  cluster::Cluster* const all = server.cluster();
  co_return pairs(all->self(), co_await view_of(all)).dump();
}

// null while it does not drain.
Task<Result<std::string>> drain_progress(core::Server& server, std::string /*arguments*/) {
  const auto drain = server.drain().status();
  Json progress = Json::object();
  progress["drain_left"] = drain.begun ? Json(drain.sessions_now) : Json();
  progress["drain_began_with"] = drain.begun ? Json(drain.sessions_then) : Json();
  co_return to_bytes(progress);
}

// By number or by name.
Result<NodeId> find_node(const std::vector<PeerStatus>& all, const std::string& wanted) {
  std::vector<NodeId> found;
  for (const PeerStatus& peer : all) {
    if (std::to_string(peer.member.epoch) == wanted) return peer.member.epoch;
    if (peer.member.facts.name == wanted) found.push_back(peer.member.epoch);
  }
  if (found.size() == 1) return found.front();
  return fail(Errc::invalid, found.empty() ? "there is no node " + wanted + " (see list_cluster)"
                                           : "several nodes are called " + wanted +
                                                 ": take its number (see list_cluster)");
}

Task<Result<Json>> leave_cluster(Call call) {
  const auto all = cluster_of(call);
  if (!all) co_return std::unexpected(all.error());
  NodeId node = (*all)->self();
  if (!call.arguments.empty()) {
    const auto found = find_node(co_await view_of(*all), call.arguments[0]);
    if (!found) co_return std::unexpected(found.error());
    node = *found;
  }
  if (node == (*all)->self()) {
    call.hooks.stop();
  } else if (const auto told = co_await core::call_node(call.server, node, "leave_cluster", "");
             !told) {
    co_return std::unexpected(told.error());
  }
  co_return Json("node " + std::to_string(node) + " is leaving");
}

}  // namespace

// What this node sees. An own line first.
Task<std::vector<PeerStatus>> view_of(cluster::Cluster* all) {
  const auto look = [all] { return all->status(); };
  co_return co_await run_on(all->loop(), look);
}

std::span<const Handler> cluster_handlers() {
  static constexpr std::array kHandlers{
      Handler{"list_cluster", list_cluster},
      Handler{"cluster_status", cluster_status},
      Handler{"leave_cluster", leave_cluster},
  };
  return kHandlers;
}

void add_cluster_procedures(core::Procedures& procedures) {
  procedures[kProcedure] = view_for;
  procedures[kDrain] = drain_progress;
}

}  // namespace starling::admin
