#include "admin/every_node.h"

#include <algorithm>

namespace starling::admin {

namespace {

Result<Json> read(const Result<std::string>& answer) {
  if (!answer) return std::unexpected(answer.error());
  auto json = Json::parse(*answer, nullptr, false);
  if (!json.is_object()) return fail(Errc::internal, "answers nonsense");
  return json;
}

}  // namespace

Task<std::vector<NodeAnswer>> ask_every_node(core::Server& server, std::string name,
                                             core::Procedure procedure, std::string arguments) {
  std::vector<NodeAnswer> answers;
  cluster::Cluster* const all = server.cluster();
  answers.push_back(
      {all != nullptr ? all->self() : 0, "", "", read(co_await procedure(server, arguments))});
  for (const bus::NodeId node : core::other_nodes(server)) {
    answers.push_back(
        {node, "", "", read(co_await core::call_node(server, node, name, arguments))});
  }
  if (all == nullptr) co_return answers;
  for (const cluster::PeerStatus& peer : co_await view_of(all)) {
    const auto found = std::ranges::find(answers, peer.member.epoch, &NodeAnswer::node);
    if (found == answers.end()) continue;
    found->name = peer.member.facts.name;
    found->address = peer.member.facts.address;
  }
  co_return answers;
}

}  // namespace starling::admin
