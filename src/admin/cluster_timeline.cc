#include "admin/cluster_timeline.h"

#include <algorithm>
#include <set>
#include <utility>

namespace starling::admin {

namespace {

using Json = nlohmann::ordered_json;
using cluster::PeerStatus;
using store::MemberState;

// What makes an event the same at all nodes.
Json identity_of(const Json& event) {
  Json identity = event;
  identity.erase("time_us");
  return identity;
}

bool is_event(const Json& event) {
  return event.is_object() && event.contains("time_us") && event["time_us"].is_number_integer();
}

}  // namespace

void ClusterTimeline::add(std::int64_t clock_us, std::string_view event, std::uint64_t node,
                          const std::string& name, Json more) {
  Json one = {{"time_us", clock_us}, {"event", event}, {"node", node}, {"name", name}};
  if (more.is_object()) one.update(more);
  events_.push_back(std::move(one));
  if (events_.size() > kMost) events_.pop_front();
}

void ClusterTimeline::look_at(std::int64_t clock_us, const PeerStatus& peer, std::uint64_t self) {
  const auto& facts = peer.member.facts;
  const std::uint64_t node = peer.member.epoch;
  const auto [known, is_new] = members_.try_emplace(node);
  Member& member = known->second;
  member.name = facts.name;
  const bool noted = !is_new || looked_ || peer.self;
  if (is_new && noted) add(clock_us, "joined", node, facts.name);
  // A new one is joining to begin with.
  if (noted && facts.state != member.state) {
    add(clock_us, store::to_string(facts.state), node, facts.name);
  }
  member.state = facts.state;
  const bool heard = peer.self || peer.reachable;
  // Until it was heard once it is on its way.
  const bool counts = peer.heard_ms_ago >= 0 || heard;
  if (!is_new && counts && heard != member.heard) {
    add(clock_us, heard ? "heard" : "unheard", node, facts.name, {{"by", self}});
  }
  if (counts) member.heard = heard;
}

void ClusterTimeline::look(std::int64_t clock_us, const Seen& seen) {
  std::uint64_t self = 0;
  for (const PeerStatus& peer : seen.members) {
    if (peer.self) self = peer.member.epoch;
  }
  if (self == 0) return;  // not a member now: it knows nothing of the others
  for (const PeerStatus& peer : seen.members) look_at(clock_us, peer, self);
  std::erase_if(members_, [&](const auto& known) {
    const auto& [node, member] = known;
    const auto is_it = [&](const PeerStatus& peer) { return peer.member.epoch == known.first; };
    if (std::ranges::any_of(seen.members, is_it)) return false;
    // Who leaves in order may be quick about it; who dies is missed before his row is removed.
    const bool left = member.heard || member.state == MemberState::draining;
    add(clock_us, left ? "left" : "died", node, member.name);
    return true;
  });
  for (const store::Lease& lease : seen.leases) {
    const auto holder = members_.find(lease.holder);
    const std::uint64_t former = std::exchange(terms_[lease.name], lease.term);
    if (former == lease.term || holder == members_.end()) continue;
    if (!looked_ && lease.holder != self) continue;  // of old
    add(clock_us, "lease", lease.holder, holder->second.name,
        {{"lease", lease.name}, {"term", lease.term}});
  }
  looked_ = true;
}

Json ClusterTimeline::events() const {
  Json all = Json::array();
  for (const Json& event : events_) all.push_back(event);
  return all;
}

Json merge(const std::vector<Json>& nodes) {
  std::multimap<std::int64_t, Json> events;  // of one time: in the order in which a node saw them
  for (const Json& node : nodes) {
    if (!node.is_array()) continue;
    for (const Json& event : node) {
      if (is_event(event)) events.emplace(event["time_us"].get<std::int64_t>(), event);
    }
  }
  std::set<std::string> known;
  std::vector<Json> unique;
  for (auto& [time, event] : events) {
    // Who hears whom may change again and again, and one node alone tells of it.
    const bool of_one = event.contains("by");
    if (of_one || known.insert(identity_of(event).dump()).second) {
      unique.push_back(std::move(event));
    }
  }
  const std::size_t most = std::min(unique.size(), ClusterTimeline::kMost);
  Json all = Json::array();
  for (auto event = unique.end() - static_cast<std::ptrdiff_t>(most); event != unique.end();
       ++event) {
    all.push_back(std::move(*event));
  }
  return all;
}

}  // namespace starling::admin
