#include "cloud/aws/scale_in.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>

#include "base/log.h"

namespace starling::cloud::aws {

namespace {
constexpr std::uint64_t kClearly = 10;  // sessions
}  // namespace

std::optional<std::string> next_to_go(const std::vector<ScaleInCandidate>& candidates,
                                      const std::string& now) {
  if (candidates.size() < 2) return std::nullopt;
  std::map<std::string, std::size_t> by_zone;
  for (const auto& each : candidates) ++by_zone[each.zone];
  const std::size_t most =
      std::ranges::max_element(by_zone, {}, [](const auto& zone) { return zone.second; })->second;
  std::vector<ScaleInCandidate> able;
  std::ranges::copy_if(candidates, std::back_inserter(able),
                       [&](const auto& each) { return by_zone[each.zone] == most; });
  const auto emptiest = std::ranges::min_element(able, [](const auto& a, const auto& b) {
    return std::tie(a.sessions, a.id) < std::tie(b.sessions, b.id);
  });
  const auto present = std::ranges::find(able, now, &ScaleInCandidate::id);
  if (present == able.end()) return emptiest->id;
  const std::uint64_t margin = std::max(kClearly, present->sessions / 5);
  return emptiest->sessions + margin < present->sessions ? emptiest->id : present->id;
}

Result<> let_the_emptiest_go(AutoScaling& api, const std::string& group,
                             const std::vector<NodeLoad>& nodes) {
  std::map<std::string, std::uint64_t> sessions;
  std::vector<std::string> ids;
  bool one_leaves = false;
  for (const auto& node : nodes) {
    one_leaves = one_leaves || node.is_leaving;
    if (node.is_leaving || !node.name.starts_with("i-")) continue;  // a name that an operator gave
    if (sessions.emplace(node.name, node.sessions).second) ids.push_back(node.name);
  }
  const auto instances = api.instances(ids);
  if (!instances) return std::unexpected(instances.error());
  std::vector<ScaleInCandidate> candidates;
  std::vector<std::string> unprotected;
  for (const auto& each : *instances) {
    // Others can be neither taken nor protected.
    if (each.group != group || each.state != "InService") continue;
    candidates.push_back({each.id, each.zone, sessions[each.id]});
    if (!each.is_protected) unprotected.push_back(each.id);
  }
  std::optional<std::string> goes;
  if (!one_leaves) {
    goes = next_to_go(candidates, unprotected.size() == 1 ? unprotected.front() : "");
  }
  std::vector<std::string> stay;
  std::ranges::copy_if(unprotected, std::back_inserter(stay),
                       [&](const auto& id) { return id != goes; });
  if (!stay.empty()) {
    if (auto done = api.protect(group, stay, true); !done) return done;
    for (const auto& id : stay) log::info("scale_in_protected", {{"instance", id}});
  }
  if (goes && std::ranges::find(unprotected, *goes) == unprotected.end()) {
    if (auto done = api.protect(group, {*goes}, false); !done) return done;
    log::info("scale_in_unprotected", {{"instance", *goes}, {"sessions", sessions[*goes]}});
  }
  return {};
}

}  // namespace starling::cloud::aws
