#include "cluster/cluster.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include "base/log.h"
#include "base/metrics.h"
#include "base/random.h"
#include "cluster/rendezvous.h"

namespace starling::cluster {

namespace {

constexpr std::chrono::milliseconds kReceiptsAfter{20};
// Far longer than a node waits for the answer that makes it the home of an account.
constexpr std::chrono::seconds kUnmadeAfter{10};

// 0 if there is none.
NodeId heaviest(std::string_view account, std::span<const NodeId> nodes,
                std::span<const NodeId> without) {
  NodeId best = 0;
  std::uint64_t most = 0;
  for (const NodeId node : nodes) {
    if (std::ranges::find(without, node) != without.end()) continue;
    const std::uint64_t w = weight(account, node);
    if (best != 0 && w <= most) continue;
    best = node;
    most = w;
  }
  return best;
}

// A frame that is too long for the bus is lost each time it is sent, and all that is behind it on
// its link waits for ever. Of a longer parcel a frame has a part.
constexpr std::size_t kLongestParcel = bus::Bus::kMaxFrame - 1'000;  // the heads have their bytes
constexpr std::size_t kPart = bus::Bus::kMaxFrame / 2;

// The first byte of a parcel on a link: whose it is; the parts are of the layer above.
enum class Content : char {
  above = 0,
  ask_piece = 1,
  piece = 2,
  time = 3,
  part = 4,
  last_part = 5
};

metrics::Gauge& waiting_gauge() {
  static metrics::Gauge& gauge = metrics::gauge(
      "starling_links_waiting_bytes",
      "Bytes for other nodes that they have not confirmed, as of the last half second");
  return gauge;
}

metrics::Gauge& members_in(const char* state) {
  return metrics::gauge("starling_cluster_members",
                        "Members that this node knows, itself among them, by their state",
                        {{"state", state}});
}

metrics::Gauge& members_heard() {
  static metrics::Gauge& gauge =
      metrics::gauge("starling_cluster_members_heard",
                     "Of these, those whose heartbeats it hears directly, itself among them");
  return gauge;
}

metrics::Counter& bad_frames() {
  static metrics::Counter& counter = metrics::counter(
      "starling_bus_bad_frames_total", "Frames from other nodes that could not be read");
  return counter;
}

}  // namespace

Cluster::Cluster(Parts parts, store::MemberFacts facts, Timing timing)
    : parts_(std::move(parts)),
      facts_(std::move(facts)),
      timing_(timing),
      leases_(*parts_.loop, *parts_.members) {}

Cluster::~Cluster() = default;

std::uint32_t Cluster::own_format() {
  return kFormat;
}

bool Cluster::all_read_trace_ids() const {
  return spoken_ >= kFormatWithTraceIds;
}

bool Cluster::all_tell_time() const {
  return spoken_ >= kFormatWithTime;
}

// --- any thread ---

NodeId Cluster::keeper(std::string_view account, std::span<const NodeId> without) const {
  const NodeId best = heaviest(account, view_.get()->keepers, without);
  return best != 0 ? best : self_.load();
}

NodeId Cluster::former_keeper(std::string_view account, TimePoint now) const {
  const auto view = view_.get();
  if (now - view->keepers_changed > kSeenAlike) return 0;
  const NodeId former = heaviest(account, view->former_keepers, {});
  return former != keeper(account) && former != self_ && reachable(former) ? former : 0;
}

std::string Cluster::client_address_elsewhere() const {
  const auto view = view_.get();
  std::uint64_t most = 0;
  for (const View::Loaded& node : view->loads) most = std::max(most, node.load.sessions);
  // By how much emptier it is than the fullest; alike ones get the same.
  const auto chance = [most](const View::Loaded& node) {
    return node.client_address.empty() ? 0 : most - node.load.sessions + most / 20 + 1;
  };
  std::uint64_t all = 0;
  for (const View::Loaded& node : view->loads) all += chance(node);
  std::uint64_t drawn = all == 0 ? 0 : random_u64() % all;
  for (const View::Loaded& node : view->loads) {
    if (drawn < chance(node)) return node.client_address;
    drawn -= chance(node);
  }
  return "";
}

std::vector<Load> Cluster::loads_elsewhere() const {
  std::vector<Load> loads;
  for (const View::Loaded& node : view_.get()->loads) loads.push_back(node.load);
  return loads;
}

bool Cluster::send(NodeId to, std::string parcel, bool must) {
  {
    const auto view = view_.get();
    const auto peer = view->peers.find(to);
    if (peer == view->peers.end()) return false;
    if (!must && !*peer->second.has_room) return false;
  }
  bool first = false;
  {
    const std::lock_guard lock(outbox_mutex_);
    first = outbox_.empty();
    outbox_.emplace_back(to, std::move(parcel));
  }
  if (first) parts_.loop->post([this] { take_outbox(); });
  return true;
}

bool Cluster::reachable(NodeId node) const {
  if (node == self_) return true;
  const auto view = view_.get();
  const auto peer = view->peers.find(node);
  return peer != view->peers.end() && peer->second.reachable;
}

bool Cluster::any_full() const {
  const auto view = view_.get();
  return std::ranges::any_of(view->peers, [](const auto& peer) {
    return peer.second.reachable && !*peer.second.has_room;
  });
}

bool Cluster::is_gone(NodeId node) const {
  const auto view = view_.get();
  return node <= view->newest && node != self_ && !view->peers.contains(node);
}

bool Cluster::is_member(NodeId node) const {
  return node != 0 && (node == self_ || view_.get()->peers.contains(node));
}

std::vector<NodeId> Cluster::others() const {
  std::vector<NodeId> nodes;
  for (const auto& [node, unused] : view_.get()->peers) nodes.push_back(node);
  return nodes;
}

// --- what leaves ---

void Cluster::take_outbox() {
  std::vector<std::pair<NodeId, std::string>> outbox;
  {
    const std::lock_guard lock(outbox_mutex_);
    outbox.swap(outbox_);
  }
  const TimePoint now = parts_.loop->now();
  for (const auto& [to, parcel] : outbox) {
    Peer* peer = find(to);
    if (peer == nullptr) continue;  // gone meanwhile; the receiver was told, or will be
    // Before what follows from what has happened here.
    if (all_tell_time() && std::exchange(peer->told_time, now) != now) {
      Encoder time;
      time.number(static_cast<std::uint64_t>(clock_us(now)));
      peer->link.push(std::string(1, static_cast<char>(Content::time)) + std::string(time.view()));
    }
    push(*peer, parcel);
  }
  flush();
}

void Cluster::push(Peer& peer, std::string_view parcel) {
  const auto add = [&](Content content, std::string_view bytes) {
    marked_.assign(1, static_cast<char>(content));
    marked_ += bytes;
    peer.link.push(marked_);
  };
  if (parcel.size() <= kLongestParcel) return add(Content::above, parcel);
  if (spoken_ < kFormatWithParts) {
    return log::error("parcel_too_long", {{"node", peer.member.epoch}, {"bytes", parcel.size()}});
  }
  for (; parcel.size() > kPart; parcel.remove_prefix(kPart)) {
    add(Content::part, parcel.substr(0, kPart));
  }
  add(Content::last_part, parcel);
}

void Cluster::flush() {
  const TimePoint now = parts_.loop->now();
  for (auto& [node, peer] : peers_) {
    peer.link.flush(now);
    *peer.has_room = peer.link.has_room();
  }
}

void Cluster::send_changes() {
  if (self_ == 0) return;
  for (const std::string& frame : homes_.take_changes()) announce(frame);
}

void Cluster::transmit(NodeId to, std::string_view frame) {
  if (!bus_) return;
  const Peer* between = relay_to(to);
  if (between == nullptr) return bus_->send(to, frame);
  Encoder relayed = begin_frame(FrameKind::relay, self_);
  relayed.number(to).rest(frame);
  bus_->send(between->member.epoch, relayed.view());
}

// To all; to those that cannot be reached directly, through others.
void Cluster::announce(std::string_view frame) {
  if (!bus_) return;
  bus_->broadcast(frame);
  for (const auto& [node, peer] : peers_) {
    if (relay_to(node) != nullptr) transmit(node, frame);
  }
}

bool Cluster::hears(const Peer& peer) const {
  return parts_.loop->now() - peer.heard < timing_.silent;
}

// By its own word, if it has said one.
bool Cluster::is_heard_by(const Peer& peer) const {
  if (!peer.ever_heard) return true;
  const auto of_us = std::ranges::find(peer.hears, self_.load(), &Heard::node);
  return of_us != peer.hears.end() && of_us->lately;
}

// Where only one of the two hears the other, frames wait for another way, and not for the peer.
Duration Cluster::lag_of(const Peer& peer) const {
  const auto since = peer.link.waiting_since();
  if (!since || !is_heard_by(peer)) return {};
  return std::max(Duration(), peer.heard_via - *since);
}

// Somebody who hears both, when we do not hear it ourselves (or it does not hear us).
const Cluster::Peer* Cluster::relay_to(NodeId node) const {
  const auto target = peers_.find(node);
  if (target == peers_.end() || hears(target->second)) return nullptr;
  for (const auto& [other, peer] : peers_) {
    if (other == node || !hears(peer)) continue;
    const auto there = std::ranges::find(peer.hears, node, &Heard::node);
    if (there != peer.hears.end() && there->lately) return &peer;
  }
  return nullptr;
}

// --- what comes ---

void Cluster::frame_came(std::string_view bytes, bool relayed) {
  if (!holds_lease()) return;
  Decoder frame(bytes);
  const auto head = read_head(frame);
  if (!head) return bad_frames().add();
  if (head->from == self_) return;
  Peer* peer = find(head->from);
  if (peer == nullptr) {
    // Its row is there already, or was: look.
    if (head->kind == FrameKind::heartbeat && !hinted_) {
      hinted_ = true;
      wake();
    }
    return;
  }
  if (!relayed) peer->heard = parts_.loop->now();
  peer->heard_via = parts_.loop->now();
  peer->ever_heard = true;
  switch (head->kind) {
    case FrameKind::heartbeat:
      return heartbeat_came(*head, frame);
    case FrameKind::changes:
      return ask_piece(head->from, homes_.on_changes(head->from, frame));
    case FrameKind::parcels:
      return parcels_came(*peer, head->from, frame);
    case FrameKind::receipt:
      if (frame.number() == self_ && !peer->link.receipt(frame, parts_.loop->now())) {
        bad_frames().add();
      }
      return;
    case FrameKind::relay:
      return relay(frame);
    case FrameKind::farewell:
      hinted_ = true;
      return wake();
  }
}

void Cluster::relay(Decoder& frame) {
  const NodeId to = frame.number();
  const std::string_view inner = frame.rest();
  if (frame.bad()) return bad_frames().add();
  if (to != self_) {
    // Once only, so that nothing goes in circles: who gets it marks it as relayed, too.
    const Peer* target = find(to);
    if (target == nullptr || !bus_) return;
    Encoder passed = begin_frame(FrameKind::relay, self_);
    passed.number(to).rest(inner);
    return bus_->send(to, passed.view());
  }
  Decoder peek(inner);
  const auto head = read_head(peek);
  if (!head || head->kind == FrameKind::relay) return bad_frames().add();
  frame_came(inner, true);
}

void Cluster::heartbeat_came(const FrameHead& head, Decoder& frame) {
  auto heartbeat = read_heartbeat(frame, head.format);
  if (!heartbeat) return bad_frames().add();
  const NodeId from = head.from;
  Peer& peer = *find(from);
  peer.load = heartbeat->load;
  peer.client_address = std::move(heartbeat->client_address);
  peer.hears = std::move(heartbeat->heard);
  ask_piece(from, homes_.on_change_number(from, heartbeat->changes));
  const NodeId self = self_;
  const auto of_us = std::ranges::find(peer.hears, self, &Heard::node);
  if (of_us != peer.hears.end()) {
    peer.link.received_by_peer(of_us->received, false, parts_.loop->now());
  }
  become_up_when_synced();
}

void Cluster::parcels_came(Peer& peer, NodeId from, Decoder& frame) {
  if (frame.number() != self_) return;  // of a former life
  const bool good =
      peer.link.received(frame, parts_.loop->now(),
                         [this, from](std::string_view parcel) { parcel_came(from, parcel); });
  if (!good) bad_frames().add();
  receiver_->batch_end();
  // A receipt goes with what is sent in the other direction anyway, if that is soon.
  if (std::exchange(receipts_planned_, true)) return;
  receipt_timer_ = parts_.loop->run_after(kReceiptsAfter, [this] {
    receipts_planned_ = false;
    flush();
  });
}

void Cluster::parcel_came(NodeId from, std::string_view parcel) {
  if (parcel.empty()) return bad_frames().add();
  const auto content = static_cast<Content>(parcel.front());
  parcel.remove_prefix(1);
  if (content == Content::above) return receiver_->parcel(from, parcel);
  if (content == Content::part || content == Content::last_part) {
    Peer* peer = find(from);
    if (peer == nullptr) return;
    peer->parts += parcel;
    if (content == Content::last_part) receiver_->parcel(from, std::exchange(peer->parts, {}));
    return;
  }
  Decoder decoder(parcel);
  if (content == Content::piece) return ask_piece(from, homes_.on_piece(from, decoder));
  const std::uint64_t number = decoder.number();
  if (decoder.bad()) return bad_frames().add();
  if (content == Content::time)
    return not_before(static_cast<std::int64_t>(number), parts_.loop->now());
  if (content != Content::ask_piece) return bad_frames().add();
  std::string answer(1, static_cast<char>(Content::piece));
  answer += homes_.piece(number);
  if (Peer* peer = find(from)) peer->link.push(answer);
  parts_.loop->at_turn_end([this] { flush(); });
}

void Cluster::ask_piece(NodeId node, Homes::Ask cursor) {
  Peer* peer = find(node);
  if (!cursor || peer == nullptr) return;
  Encoder ask;
  ask.number(*cursor);
  peer->link.push(std::string(1, static_cast<char>(Content::ask_piece)) + std::string(ask.view()));
  parts_.loop->at_turn_end([this] { flush(); });
}

// --- the clockwork ---

void Cluster::beat() {
  beat_timer_ = parts_.loop->run_after(timing_.heartbeat, [this] { beat(); });
  if (self_ == 0) return;
  const TimePoint now = parts_.loop->now();
  if (now - renewed_.load() >= timing_.fence) return fence("its row could not be renewed");
  Heartbeat heartbeat;
  heartbeat.changes = homes_.change_number();
  if (parts_.load) heartbeat.load = parts_.load();
  heartbeat.client_address = parts_.client_address;
  for (auto& [node, peer] : peers_) {
    heartbeat.heard.push_back({node, peer.link.received_count(), hears(peer)});
  }
  announce(write_heartbeat(self_, heartbeat, spoken_));
  std::size_t waiting = 0;
  for (auto& [node, peer] : peers_) {
    peer.link.tick(now);
    look_at(peer);
    waiting += peer.link.waiting_bytes();
  }
  waiting_bytes_ = waiting;
  waiting_gauge().set(static_cast<std::int64_t>(waiting));
  if (now - swept_ >= kUnmadeAfter) {
    swept_ = now;
    homes_.forget_unmade();
  }
  flush();
  publish_view();
  become_up_when_synced();
}

// Whether it is heard, and hears us.
void Cluster::look_at(Peer& peer) {
  const TimePoint now = parts_.loop->now();
  const NodeId node = peer.member.epoch;
  const NodeId self = self_;
  const bool heard = hears(peer);
  const bool hears_us = is_heard_by(peer);
  if (std::exchange(peer.unreached, !heard) == heard) {
    if (heard) {
      log::info("cluster_node_reachable", {{"node", node}});
    } else {
      log::warning("cluster_node_unreachable", {{"node", node},
                                                {"address", peer.member.facts.address},
                                                {"relayed", relay_to(node) != nullptr}});
    }
  }
  // A hole between two nodes that both live: new connections may find a way. The one that started
  // later tries first, as it was the one that connected.
  const bool lives = peer.member.silent_for < timing_.suspect;
  if ((heard && hears_us) || !lives) {
    peer.hole_since = TimePoint();
    return;
  }
  if (peer.hole_since == TimePoint()) peer.hole_since = now;
  const Duration patience = self > node ? timing_.silent : timing_.dead;
  if (now - peer.hole_since < patience || now - peer.redialled < timing_.dead || !bus_) return;
  peer.redialled = now;
  bus_->redial();
}

void Cluster::publish_view() {
  View view;
  view.newest = std::max(view_.get()->newest, self_.load());
  const TimePoint now = parts_.loop->now();
  for (const auto& [node, peer] : peers_) {
    view.newest = std::max(view.newest, node);
    const bool reachable =
        now - peer.heard_via < timing_.silent && peer.member.silent_for < timing_.suspect;
    view.peers.emplace(node, View::Seen{reachable, peer.has_room});
    view.all_reachable &= reachable;
    view.lag = std::max(view.lag, lag_of(peer));
    if (reachable && peer.member.facts.state == store::MemberState::up) {
      view.keepers.push_back(node);
      if (peer.load) view.loads.push_back({*peer.load, peer.client_address});
    }
  }
  if (self_ != 0 && facts_.state == store::MemberState::up) view.keepers.push_back(self_);
  count_members();
  const auto before = view_.get();
  const bool changed = view.keepers != before->keepers;
  if (now - before->keepers_changed <= kSeenAlike) view.former_keepers = before->former_keepers;
  view.keepers_changed = changed ? now : before->keepers_changed;
  if (changed) std::ranges::copy(before->keepers, std::back_inserter(view.former_keepers));
  view_.set(std::move(view));
  if (changed && receiver_ != nullptr) receiver_->keepers_changed();
}

void Cluster::count_members() const {
  using store::MemberState;
  std::map<MemberState, std::int64_t> by_state;
  std::int64_t heard = 0;
  for (const auto& [unused, peer] : peers_) {
    ++by_state[peer.member.facts.state];
    if (hears(peer)) ++heard;
  }
  if (self_ != 0) {
    ++by_state[facts_.state];
    ++heard;
  }
  members_in("joining").set(by_state[MemberState::joining]);
  members_in("up").set(by_state[MemberState::up]);
  members_in("draining").set(by_state[MemberState::draining]);
  members_heard().set(heard);
}

Cluster::Peer* Cluster::find(NodeId node) {
  const auto found = peers_.find(node);
  return found == peers_.end() ? nullptr : &found->second;
}

std::vector<PeerStatus> Cluster::status() const {
  std::vector<PeerStatus> all;
  const TimePoint now = parts_.loop->now();
  const auto ms = [](Duration d) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
  };
  if (self_ != 0) {
    PeerStatus own{.member = me_, .self = true, .reachable = true, .heard_ms_ago = 0};
    own.member.facts = facts_;
    own.member.silent_for = std::chrono::milliseconds(ms(now - renewed_.load()));
    own.directory_synced = true;
    if (parts_.load) own.load = parts_.load();
    own.client_address = parts_.client_address;
    for (const auto& [node, peer] : peers_) {
      if (hears(peer)) own.hears.push_back(node);
    }
    all.push_back(std::move(own));
  }
  for (const auto& [node, peer] : peers_) {
    PeerStatus status{.member = peer.member, .reachable = hears(peer)};
    if (peer.ever_heard) status.heard_ms_ago = ms(now - peer.heard);
    status.waiting_bytes = peer.link.waiting_bytes();
    status.directory_synced = homes_.synced(node);
    status.load = peer.load;
    status.client_address = peer.client_address;
    for (const Heard& heard : peer.hears) {
      if (heard.lately) status.hears.push_back(heard.node);
    }
    all.push_back(std::move(status));
  }
  for (PeerStatus& status : all) {
    for (const store::Lease& lease : leases_.known()) {
      if (lease.holder == status.member.epoch) status.leases.push_back(lease.name);
    }
  }
  std::ranges::sort(all, {}, [](const PeerStatus& s) { return s.member.epoch; });
  return all;
}

}  // namespace starling::cluster
