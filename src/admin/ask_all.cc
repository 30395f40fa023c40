#include "admin/ask_all.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/machine_name.h"
#include "base/run_on.h"
#include "core/node_calls.h"

namespace starling::admin {

namespace {

using bus::NodeId;

constexpr std::chrono::seconds kPatience{3};

// One question to all. Answers that come too late find it still there, and nobody who waits.
struct Round {
  std::map<NodeId, Json> answers;
  std::size_t open = 0;
  Completion<bool>::Resume resume;

  void end() {
    if (resume) std::exchange(resume, nullptr)(true);
  }
};

Task<void> ask(core::Server* server, NodeId node, std::string procedure, std::string arguments,
               std::shared_ptr<Round> round) {
  const auto answer =
      co_await core::call_node(*server, node, std::move(procedure), std::move(arguments));
  auto json = answer ? Json::parse(*answer, nullptr, false) : Json(Json::value_t::discarded);
  if (!json.is_discarded()) round->answers.emplace(node, std::move(json));
  if (--round->open == 0) round->end();
}

Task<void> wait_for(std::shared_ptr<Round> round) {
  if (round->open == 0) co_return;
  EventLoop& loop = *EventLoop::current();
  const TimerId timer = loop.run_after(kPatience, [round] { round->end(); });
  Completion<bool> over([round](auto resume) { round->resume = std::move(resume); });
  co_await over;
  loop.cancel(timer);
}

Task<std::vector<std::string>> names_of(core::Server* server, std::vector<NodeId> nodes) {
  std::vector<std::string> names;
  if (nodes.empty()) co_return names;
  const auto all = co_await members(*server);
  for (const NodeId node : nodes) {
    const auto known = std::ranges::find(
        all, node, [](const cluster::PeerStatus& peer) { return peer.member.epoch; });
    if (known != all.end()) names.push_back(known->member.facts.name);  // else it has left
  }
  co_return names;
}

// Whether this node is asked as well.
enum class Self : std::uint8_t { too, left_out };

Task<Answers> ask_nodes(core::Server& server, std::string procedure, Json arguments, Self self) {
  const std::string bytes = to_bytes(arguments);
  const std::vector<NodeId> others = core::other_nodes(server);
  const auto round = std::make_shared<Round>();
  round->open = others.size();
  for (const NodeId node : others) {
    if (!server.worker(0).gate().spawn(ask(&server, node, procedure, bytes, round))) --round->open;
  }
  const auto known = server.procedures().find(procedure);
  if (self == Self::too && known != server.procedures().end()) {
    const auto own = co_await known->second(server, bytes);
    if (own) round->answers.emplace(self_id(server), Json::parse(*own, nullptr, false));
  }
  co_await wait_for(round);
  Answers all;
  std::vector<NodeId> silent;
  for (const NodeId node : others) {
    if (!round->answers.contains(node)) silent.push_back(node);
  }
  all.by_node = round->answers;
  all.missing = co_await names_of(&server, std::move(silent));
  co_return all;
}

}  // namespace

Task<Answers> ask_all(core::Server& server, std::string procedure, Json arguments) {
  return ask_nodes(server, std::move(procedure), std::move(arguments), Self::too);
}

Task<Answers> ask_others(core::Server& server, std::string procedure, Json arguments) {
  return ask_nodes(server, std::move(procedure), std::move(arguments), Self::left_out);
}

NodeId self_id(const core::Server& server) {
  return server.cluster() == nullptr ? 0 : server.cluster()->self();
}

Task<std::vector<cluster::PeerStatus>> members(core::Server& server) {
  cluster::Cluster* const all = server.cluster();
  if (all == nullptr) co_return std::vector<cluster::PeerStatus>();
  const auto look = [all] { return all->status(); };
  co_return co_await run_on(all->loop(), look);
}

std::string NodeNames::of(NodeId node) const {
  const auto known = names_.find(node);
  return known == names_.end() ? machine_name() : known->second;
}

Task<NodeNames> node_names(core::Server& server) {
  std::map<NodeId, std::string> names;
  for (const auto& peer : co_await members(server)) {
    names[peer.member.epoch] = peer.member.facts.name;
  }
  co_return NodeNames(std::move(names));
}

std::vector<NodeLine> lines_in_time(const Answers& answers) {
  std::multimap<std::int64_t, NodeLine> timed;
  for (const auto& [node, answer] : answers.by_node) {
    if (!answer.is_object() || !answer.contains("lines")) continue;
    for (const Json& line : answer["lines"]) {
      if (!line.is_array() || line.size() != 2 || !line[0].is_number_integer()) continue;
      timed.emplace(line[0].get<std::int64_t>(), NodeLine(node, line[1]));
    }
  }
  std::vector<NodeLine> lines;
  for (auto& [time, line] : timed) lines.push_back(std::move(line));
  return lines;
}

std::string to_bytes(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace starling::admin
