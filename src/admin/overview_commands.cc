// The whole cluster at a glance: its nodes, their load now and in the last hour, what has happened,
// what is not as it should be.
#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "admin/ask_all.h"
#include "admin/call.h"
#include "admin/monitor.h"
#include "base/clock.h"
#include "base/machine_name.h"
#include "base/run_on.h"
#include "base/version.h"
#include "core/messages_lost.h"
#include "core/operations.h"

namespace starling::admin {

namespace {

using bus::NodeId;
using cluster::PeerStatus;

constexpr const char* kNode = "node_facts";
constexpr const char* kLoad = "load_last_hour";
constexpr const char* kEvents = "cluster_events";
constexpr const char* kRebalance = "rebalance";

// What a node says of itself.
Json facts_of(core::Server& server, Monitor* monitor) {
  Json facts = Json::object();
  facts["sessions"] = server.session_count();
  const LoadSample load = monitor == nullptr ? LoadSample{} : monitor->load();
  facts["messages_per_second"] = load.messages_per_second;
  facts["messages_lost"] = core::messages_lost();
  facts["utilisation"] = load.utilisation;
  facts["cpu"] = load.cpu;
  facts["memory"] = load.memory;
  facts["version"] = kVersionText;
  facts["uptime"] = (wall_clock_us() - server.started_at_us()) / 1'000'000;
  const auto drain = server.drain().status();
  facts["draining"] = drain.begun;
  facts["drain_left"] = drain.begun ? Json(drain.sessions_now) : Json();
  facts["drain_began_with"] = drain.begun ? Json(drain.sessions_then) : Json();
  Json hosts = Json::object();
  for (const auto& host : server.host_names()) hosts[host] = server.session_count(host);
  facts["hosts"] = std::move(hosts);
  facts["alerts"] = monitor == nullptr ? Json::array() : monitor->alerts();
  return facts;
}

// A member of what another node has said; null if it is not there.
Json member_of(const Json& facts, const char* name) {
  return facts.is_object() && facts.contains(name) ? facts[name] : Json();
}

std::uint64_t number_of(const Json& facts, const char* name) {
  const Json value = member_of(facts, name);
  return value.is_number_integer() ? value.get<std::uint64_t>() : 0;
}

Json describe(NodeId id, const std::string& name, std::string_view state, const Json& facts) {
  Json node = Json::object();
  node["id"] = id;
  node["name"] = name;
  node["state"] = state;
  for (const char* figure :
       {"sessions", "utilisation", "version", "uptime", "messages_per_second", "cpu", "memory"}) {
    node[figure] = member_of(facts, figure);
  }
  return node;
}

// Members with what each said; a node that is alone is one, too.
struct Nodes {
  Json list = Json::array();
  Json alerts = Json::array();
  std::map<std::string, std::uint64_t> sessions_by_host;
  std::uint64_t sessions = 0;
  std::uint64_t messages_per_second = 0;
  std::uint64_t messages_lost = 0;
  std::uint64_t utilisation = 0;  // mean
};

Json alert(std::string_view severity, std::string text) {
  return {{"severity", severity}, {"text", std::move(text)}};
}

// The same of every node (no record in DNS, say) is said once.
void add_alerts(Json& alerts, const Json& more) {
  if (!more.is_array()) return;
  for (const Json& one : more) {
    if (std::ranges::find(alerts, one) == alerts.end()) alerts.push_back(one);
  }
}

Nodes put_together(const std::vector<PeerStatus>& view, const Answers& answers, NodeId self,
                   bool draining) {
  Nodes nodes;
  std::map<NodeId, PeerStatus> members;
  for (const PeerStatus& peer : view) members.emplace(peer.member.epoch, peer);
  for (const auto& [id, peer] : members) {
    const auto answer = answers.by_node.find(id);
    const Json facts = answer == answers.by_node.end() ? Json() : answer->second;
    const std::string& name = peer.member.facts.name;
    nodes.list.push_back(describe(id, name, store::to_string(peer.member.facts.state), facts));
    if (!peer.self && !peer.reachable) {
      nodes.alerts.push_back(alert("error", "node " + name + " is not heard"));
    } else if (facts.is_null()) {
      nodes.alerts.push_back(alert("warning", "node " + name + " does not answer"));
    }
    if (peer.member.facts.state == store::MemberState::draining) {
      nodes.alerts.push_back(
          alert("warning", "node " + name +
                               " is draining: " + std::to_string(number_of(facts, "drain_left")) +
                               " of " + std::to_string(number_of(facts, "drain_began_with")) +
                               " sessions are left"));
    }
  }
  if (members.empty()) {
    const auto own = answers.by_node.find(self);
    nodes.list.push_back(describe(self, machine_name(), draining ? "draining" : "up",
                                  own == answers.by_node.end() ? Json() : own->second));
  }
  for (const auto& [id, facts] : answers.by_node) {
    nodes.sessions += number_of(facts, "sessions");
    nodes.messages_per_second += number_of(facts, "messages_per_second");
    nodes.messages_lost += number_of(facts, "messages_lost");
    nodes.utilisation += number_of(facts, "utilisation");
    for (const auto& [host, count] : member_of(facts, "hosts").items()) {
      if (count.is_number_integer()) nodes.sessions_by_host[host] += count.get<std::uint64_t>();
    }
    add_alerts(nodes.alerts, member_of(facts, "alerts"));
  }
  if (!answers.by_node.empty()) nodes.utilisation /= answers.by_node.size();
  return nodes;
}

Task<Result<std::uint64_t>> account_count(const Call* call, std::string host) {
  if (call->hooks.monitor != nullptr) co_return co_await call->hooks.monitor->account_count(host);
  co_return co_await call->server.store().accounts().count(host);
}

Task<Result<Json>> overview(Call call) {
  const auto view = co_await members(call.server);
  const Answers answers = co_await ask_all(call.server, kNode);
  Nodes nodes = put_together(view, answers, self_id(call.server), call.server.drain().begun());
  Json hosts = Json::array();
  std::uint64_t accounts = 0;
  const std::vector<std::string> names = call.server.host_names();
  for (const auto& name : names) {
    const auto count = co_await account_count(&call, name);
    if (!count) co_return std::unexpected(count.error());
    accounts += *count;
    hosts.push_back(
        {{"host", name}, {"accounts", *count}, {"sessions", nodes.sessions_by_host[name]}});
  }
  Json answer = Json::object();
  answer["nodes"] = std::move(nodes.list);
  answer["sessions"] = nodes.sessions;
  answer["accounts"] = accounts;
  answer["messages_per_second"] = nodes.messages_per_second;
  answer["messages_lost"] = nodes.messages_lost;
  answer["utilisation"] = nodes.utilisation;
  answer["alerts"] = std::move(nodes.alerts);
  answer["hosts"] = std::move(hosts);
  answer["missing"] = answers.missing;
  co_return answer;
}

Task<Result<Json>> load_last_hour(Call call) {
  const auto view = co_await members(call.server);
  const Answers answers = co_await ask_all(call.server, kLoad);
  std::vector<Json> all;
  Json nodes = Json::object();
  const auto time_of = [](const Json& series) {
    const Json from = member_of(series, "from");
    return from.is_number_integer()
               ? xmpp_datetime(from.get<std::int64_t>() * LoadRing::kStepSeconds * 1'000'000)
               : "";
  };
  for (const auto& [id, series] : answers.by_node) {
    all.push_back(series);
    const auto known =
        std::ranges::find(view, id, [](const PeerStatus& peer) { return peer.member.epoch; });
    const std::string name = known == view.end() ? machine_name() : known->member.facts.name;
    // Names need not be unique.
    nodes[nodes.contains(name) ? name + " " + std::to_string(id) : name] = series;
  }
  Json sum = add_up(all);
  Json answer = Json::object();
  answer["step_s"] = LoadRing::kStepSeconds;
  answer["from"] = time_of(sum);
  sum.erase("from");
  answer["series"] = std::move(sum);
  for (auto& [name, series] : nodes.items()) {
    if (series.is_object()) series["from"] = time_of(series);
  }
  answer["nodes"] = std::move(nodes);
  answer["missing"] = answers.missing;
  co_return answer;
}

Task<Result<Json>> cluster_events(Call call) {
  const Answers answers = co_await ask_all(call.server, kEvents);
  std::vector<Json> all;
  for (const auto& [id, events] : answers.by_node) all.push_back(events);
  Json items = merge(all);
  for (Json& event : items) {
    Json timed = {{"time", xmpp_datetime_us(event["time_us"].get<std::int64_t>())}};
    event.erase("time_us");
    timed.update(event);
    event = std::move(timed);
  }
  Json answer = Json::object();
  answer["items"] = std::move(items);
  answer["missing"] = answers.missing;
  co_return answer;
}

Task<Result<Json>> rebalance(Call call) {
  if (call.server.cluster() == nullptr) {
    co_return fail(Errc::invalid, "this node is alone: there is none to move sessions to");
  }
  const auto view = co_await members(call.server);
  const Answers answers = co_await ask_all(call.server, kRebalance);
  Json nodes = Json::array();
  std::uint64_t all = 0;
  for (const PeerStatus& peer : view) {
    const auto answer = answers.by_node.find(peer.member.epoch);
    if (answer == answers.by_node.end()) continue;
    const std::uint64_t going = number_of(answer->second, "moving");
    all += going;
    nodes.push_back(
        {{"node", peer.member.epoch}, {"name", peer.member.facts.name}, {"moving", going}});
  }
  Json result = Json::object();
  result["moving"] = all;
  result["nodes"] = std::move(nodes);
  result["missing"] = answers.missing;
  co_return result;
}

Task<Result<std::string>> begin_rebalance(core::Server& server, std::string /*arguments*/) {
  const auto begin = [&server] { return server.balance().begin_now(); };
  const std::uint64_t going = co_await run_on(server.worker(0).loop(), begin);
  co_return to_bytes({{"moving", going}});
}

// One for each host: the certificate that a client gets which asks for it.
Task<Result<Json>> list_hosts(Call call) {
  const Answers answers = co_await ask_all(call.server, kNode);
  const Nodes nodes = put_together({}, answers, self_id(call.server), false);
  std::vector<doctor::CertificateFile> files;
  if (call.hooks.certificates) files = co_await call.hooks.certificates();
  Json items = Json::array();
  const std::vector<std::string> names = call.server.host_names();
  for (const auto& name : names) {
    const auto count = co_await account_count(&call, name);
    if (!count) co_return std::unexpected(count.error());
    Json one = Json::object();
    one["host"] = name;
    one["accounts"] = *count;
    const auto sessions = nodes.sessions_by_host.find(name);
    one["sessions"] = sessions == nodes.sessions_by_host.end() ? 0 : sessions->second;
    one["certificate"] = Json();
    for (const auto& file : files) {
      if (std::ranges::find(file.hosts, name) == file.hosts.end()) continue;
      one["certificate"] = {{"not_after", xmpp_datetime(file.facts.not_after * 1'000'000)},
                            {"self_signed", file.facts.self_signed}};
      break;
    }
    items.push_back(std::move(one));
  }
  Json answer = Json::object();
  answer["items"] = std::move(items);
  answer["missing"] = answers.missing;
  co_return answer;
}

}  // namespace

std::span<const Handler> overview_handlers() {
  static constexpr std::array kHandlers{
      Handler{"overview", overview},
      Handler{"load_last_hour", load_last_hour},
      Handler{"cluster_events", cluster_events},
      Handler{"rebalance", rebalance},
      Handler{"list_hosts", list_hosts},
  };
  return kHandlers;
}

void add_overview_procedures(core::Procedures& procedures, Monitor* monitor) {
  procedures[kNode] = [monitor](core::Server& server, std::string) -> Task<Result<std::string>> {
    co_return to_bytes(facts_of(server, monitor));
  };
  procedures[kLoad] = [monitor](core::Server&, std::string) -> Task<Result<std::string>> {
    co_return to_bytes(monitor == nullptr ? LoadRing().series() : monitor->series());
  };
  procedures[kEvents] = [monitor](core::Server&, std::string) -> Task<Result<std::string>> {
    co_return to_bytes(monitor == nullptr ? Json::array() : monitor->events());
  };
  procedures[kRebalance] = begin_rebalance;
}

}  // namespace starling::admin
