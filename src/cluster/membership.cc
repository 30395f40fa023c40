// How a node becomes a member, stays one, and finds that it is none any more. The rest of Cluster
// is in cluster.cc.
#include <algorithm>
#include <utility>

#include "base/all_left.h"
#include "base/clock.h"
#include "base/log.h"
#include "cluster/cluster.h"

namespace starling::cluster {

namespace {

constexpr std::chrono::milliseconds kAgain{500};  // after the store failed
// A newcomer serves when it knows everybody's part of the directory; it does not wait longer than
// this for those that it cannot reach.
constexpr std::chrono::seconds kSyncPatience{10};
constexpr std::int64_t kSkewUs = 1'000'000;

}  // namespace

void Cluster::start(Receiver& receiver) {
  receiver_ = &receiver;
  homes_.on_change([this] { parts_.loop->post([this] { send_changes(); }); });
  homes_.on_conflict([this](const std::string& account, Home mine, Home other) {
    receiver_->home_conflict(account, mine, other);
  });
  homes_.on_other_home(
      [this](const std::string& account, Home other) { receiver_->other_home(account, other); });
  parts_.members->on_change([this] {
    parts_.loop->post([this] {
      hinted_ = true;
      wake();
    });
  });
  gate_.spawn(run());
  beat();
}

Task<void> Cluster::run() {
  while (!leaving_) {
    if (self_ == 0) {
      co_await join();
    } else {
      co_await renew();
    }
    if (leaving_) break;
    if (std::exchange(hinted_, false)) continue;
    co_await pause(self_ == 0 ? kAgain : timing_.renew);
  }
}

Completion<bool> Cluster::pause(Duration at_most) {
  return Completion<bool>([this, at_most](auto resume) {
    end_pause_ = std::move(resume);
    pause_timer_ = parts_.loop->run_after(at_most, [this] { wake(); });
  });
}

void Cluster::wake() {
  if (!end_pause_) return;
  parts_.loop->cancel(pause_timer_);
  std::exchange(end_pause_, nullptr)(true);
}

Task<void> Cluster::join() {
  facts_.state = store::MemberState::joining;
  if (auto good = co_await check_versions(); !good) {
    log::warning("cluster_not_joined", {{"error", good.error().message}});
    co_return;
  }
  const TimePoint asked = parts_.loop->now();
  auto joined = co_await parts_.members->join(facts_);
  if (!joined) {
    log::warning("cluster_not_joined", {{"error", joined.error().message}});
    co_return;
  }
  me_ = *joined;
  joined_at_ = steady_since_ = asked;
  renewed_ = asked;
  homes_.begin(me_.epoch);
  bus_ = parts_.make_bus(me_.epoch);
  bus_->on_frame([this](std::string_view bytes) { frame_came(bytes, false); });
  self_ = me_.epoch;
  leases_.joined(me_.epoch);
  log::info("cluster_joined",
            {{"node", me_.epoch}, {"slot", me_.slot}, {"address", facts_.address}});
  receiver_->joined(me_);
  hinted_ = true;  // to see who else is there
}

// An upgrade that leaves a version out is no upgrade of a running cluster.
Task<Result<>> Cluster::check_versions() {
  const auto roll = co_await parts_.members->read();
  if (!roll) co_return std::unexpected(roll.error());
  for (const store::Member& member : roll->members) {
    if (member.facts.format >= kOldestFormat || member.silent_for >= timing_.dead) continue;
    co_return fail(Errc::invalid, "the node " + member.facts.name + " at " + member.facts.address +
                                      " is of version " + member.facts.version +
                                      ", too old for this one: upgrade it first, or stop it");
  }
  co_return Result<>{};
}

Task<void> Cluster::renew() {
  const TimePoint asked = parts_.loop->now();
  const NodeId self = self_;
  auto roll = co_await parts_.members->renew(self, facts_);
  if (leaving_ || self_ != self) co_return;  // fenced meanwhile
  if (roll) {
    renewed_ = asked;
    // The row is there still, but what was done on this node as if it were not cannot be undone.
    if (lapsed_ == self) co_return fence("its row was renewed too late");
    co_return co_await take_roll(std::move(*roll));
  }
  if (roll.error().code == Errc::not_found) {
    fence("another node took it for dead");
  } else {
    steady_since_ = parts_.loop->now();
    log::warning("cluster_lease_not_renewed", {{"node", self}, {"error", roll.error().message}});
  }
}

// It was where we are: its port is ours now.
bool Cluster::is_predecessor(const store::Member& member) const {
  return parts_.address_is_own && member.facts.address == facts_.address && member.epoch < self_;
}

Task<void> Cluster::take_roll(store::Roll roll) {
  look_at_clock(roll);
  agree_on_format(roll);
  std::vector<NodeId> dead;
  for (const store::Member& member : roll.members) {
    if (member.epoch == self_) continue;
    if (member.silent_for >= timing_.dead || is_predecessor(member)) {
      dead.push_back(member.epoch);
      if (Peer* peer = find(member.epoch)) peer->member = member;
    } else {
      add_peer(member);
    }
  }
  std::vector<NodeId> gone;
  for (const auto& [node, peer] : peers_) {
    const auto row = std::ranges::find(roll.members, node, &store::Member::epoch);
    if (row == roll.members.end()) gone.push_back(node);
  }
  for (const NodeId node : gone) remove_peer(node);
  pass_on_addresses(roll);
  publish_view();
  become_up_when_synced();
  leases_.look(able_to_hold_leases(roll));
  for (const NodeId node : dead) {
    const auto row = std::ranges::find(roll.members, node, &store::Member::epoch);
    const bool predecessor = is_predecessor(*row);
    // After the store was away all rows look old: the others get the time to renew theirs.
    if (!predecessor && parts_.loop->now() - steady_since_ < timing_.dead) continue;
    const auto removed = co_await parts_.members->remove_dead(
        node, predecessor ? std::chrono::milliseconds(0) : timing_.dead);
    if (!removed) continue;
    if (*removed) log::warning("cluster_node_dead", {{"node", node}});
    if (*removed) hinted_ = true;
  }
}

// As the store says: all nodes read the same.
std::vector<NodeId> Cluster::able_to_hold_leases(const store::Roll& roll) const {
  std::vector<NodeId> able;
  for (const store::Member& member : roll.members) {
    const bool self = member.epoch == self_;
    const store::MemberFacts& facts = self ? facts_ : member.facts;
    if (facts.state != store::MemberState::up || facts.format < kFormatWithLeases) continue;
    if (self || member.silent_for < timing_.suspect) able.push_back(member.epoch);
  }
  return able;
}

void Cluster::agree_on_format(const store::Roll& roll) {
  std::uint32_t all_know = kFormat;
  for (const store::Member& member : roll.members) {
    all_know = std::min(all_know, std::max(member.facts.format, kOldestFormat));
  }
  spoken_ = all_know;
}

void Cluster::look_at_clock(const store::Roll& roll) {
  clock_.read(roll.now_us, us_of(parts_.loop->now()));
  const std::int64_t offset = roll.now_us - wall_clock_us();
  clock_skew_us_ = offset;
  if (std::exchange(skewed_, std::abs(offset) > kSkewUs) || !skewed_) return;
  log::warning("clock_skew", {{"behind_us", offset},
                              {"advice", "this machine's clock differs from the database's"}});
}

void Cluster::add_peer(const store::Member& member) {
  const NodeId node = member.epoch;
  const auto [entry, added] = peers_.try_emplace(
      node, Link(self_, node, [this, node](const std::string& frame) { transmit(node, frame); }));
  Peer& peer = entry->second;
  const bool news = added || peer.member.facts.state != member.facts.state;
  peer.member = member;
  if (added) peer.heard = peer.heard_via = parts_.loop->now();  // the benefit of the doubt
  if (!news) return;
  log::info("cluster_node_seen", {{"node", node},
                                  {"name", member.facts.name},
                                  {"address", member.facts.address},
                                  {"state", store::to_string(member.facts.state)},
                                  {"version", member.facts.version}});
}

void Cluster::remove_peer(NodeId node) {
  log::info("cluster_node_gone", {{"node", node}});
  peers_.erase(node);
  publish_view();
  receiver_->peer_gone(node, homes_.drop(node));
}

void Cluster::pass_on_addresses(const store::Roll& roll) {
  std::vector<std::string> addresses;
  for (const store::Member& member : roll.members) addresses.push_back(member.facts.address);
  std::ranges::sort(addresses);
  if (addresses == addresses_) return;
  addresses_ = std::move(addresses);
  if (parts_.on_addresses) parts_.on_addresses(addresses_);
}

void Cluster::become_up_when_synced() {
  if (facts_.state != store::MemberState::joining || self_ == 0) return;
  const TimePoint now = parts_.loop->now();
  for (const auto& [node, peer] : peers_) {
    if (peer.ever_heard && homes_.synced(node)) continue;
    if (peer.member.silent_for >= timing_.suspect) continue;  // about to be dead
    if (now - joined_at_ < kSyncPatience) return;
    log::warning("cluster_directory_incomplete", {{"node", node}});
  }
  facts_.state = store::MemberState::up;
  serving_ = true;
  publish_view();
  log::info("cluster_up", {{"node", self_.load()}, {"nodes", peers_.size() + 1}});
  parts_.on_serving(true);
  hinted_ = true;  // the others shall know
  wake();
}

void Cluster::fence(std::string_view why) {
  if (self_ == 0) return;
  const NodeId self = self_.exchange(0);
  if (serving_.exchange(false)) parts_.on_serving(false);
  log::error("cluster_fenced", {{"node", self}, {"error", why}});
  const auto gone = std::exchange(peers_, {});
  bus_.reset();
  {
    const std::lock_guard lock(outbox_mutex_);
    outbox_.clear();
  }
  publish_view();
  homes_.begin(0);
  leases_.fenced();
  receiver_->fenced(why);
  wake();
}

void Cluster::drain() {
  if (facts_.state == store::MemberState::draining) return;
  facts_.state = store::MemberState::draining;
  publish_view();
  hinted_ = true;
  wake();
}

Task<void> Cluster::leave() {
  leaving_ = true;
  parts_.members->on_change(nullptr);
  parts_.loop->cancel(beat_timer_);
  parts_.loop->cancel(receipt_timer_);
  wake();
  co_await all_left(gate_);
  co_await leases_.end_all();
  const NodeId self = self_.exchange(0);
  serving_ = false;
  if (self == 0) co_return;
  announce(begin_frame(FrameKind::farewell, self).view());
  const auto left = co_await parts_.members->leave(self);
  if (!left)
    log::warning("cluster_row_left_behind", {{"node", self}, {"error", left.error().message}});
  peers_.clear();
  bus_.reset();
  publish_view();
  log::info("cluster_left", {{"node", self}});
}

}  // namespace starling::cluster
