// Cluster: this node among the others that share its store.
//
// A row in the store, renewed on the database's clock, says who should exist (store/members.h);
// heartbeats on the bus say who can be reached. A node that cannot renew its row fences itself
// before the others may take it for dead, and joins again, as a new node, when it can. Nobody has
// to say that he leaves.
//
// Between any two nodes there is a link (link.h), and each keeps all others' part of the directory
// (homes.h). What only one of them is to do it does under a lease (leases.h). Where two cannot
// reach each other directly, a third that reaches both passes their frames on.
//
// Everything runs on one loop; what other threads may call says so.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/event_loop.h"
#include "base/swappable.h"
#include "base/task.h"
#include "bus/bus.h"
#include "cluster/cluster_clock.h"
#include "cluster/homes.h"
#include "cluster/leases.h"
#include "cluster/link.h"
#include "cluster/load.h"
#include "store/members.h"

namespace starling::cluster {

struct Timing {
  std::chrono::milliseconds renew{2'000};    // the row is renewed so often
  std::chrono::milliseconds suspect{6'000};  // a row that was not: what is for it waits
  std::chrono::milliseconds fence{10'000};   // who could not renew its own stops serving
  std::chrono::milliseconds dead{15'000};    // anybody removes it
  std::chrono::milliseconds heartbeat{500};
  std::chrono::milliseconds silent{3'000};  // without a heartbeat: suspect, too
};

// What the layer above does with a cluster. Called on the cluster's loop.
class Receiver {
 public:
  virtual ~Receiver() = default;
  // This node is a member, with an epoch and a slot it did not have before.
  virtual void joined(const store::Member& self) = 0;
  // It is none any more, and must not serve until it is again: whatever it holds may be others' by
  // now.
  virtual void fenced(std::string_view why) = 0;
  // A parcel that a peer sent; `end` when the last of a batch was given.
  virtual void parcel(NodeId from, std::string_view parcel) = 0;
  virtual void batch_end() = 0;
  // Other nodes than before are keepers (Cluster::keeper).
  virtual void keepers_changed() = 0;
  // A node is no member any more; what it has not confirmed may not have reached it. It was the
  // home of these accounts.
  virtual void peer_gone(NodeId peer, const std::vector<std::string>& accounts) = 0;
  // See Homes.
  virtual void home_conflict(const std::string& account, Home mine, Home other) = 0;
  virtual void other_home(const std::string& account, Home other) = 0;
};

// What a node knows of another, for people.
struct PeerStatus {
  store::Member member;
  bool self = false;
  bool reachable = false;          // heartbeats come, directly
  std::int64_t heard_ms_ago = -1;  // -1: never
  std::size_t waiting_bytes = 0;   // for it
  bool directory_synced = false;
  std::optional<Load> load;         // nullopt: it was not heard yet
  std::string client_address;       // "": not directly
  std::vector<NodeId> hears;        // whom it hears directly, by its own word
  std::vector<std::string> leases;  // that it holds
};

class Cluster {
 public:
  struct Parts {
    EventLoop* loop = nullptr;
    store::Members* members = nullptr;
    // The bus of a node of this id.
    std::function<std::unique_ptr<bus::Bus>(NodeId)> make_bus;
    // Called when the node may serve, and when it must not any more; on the loop.
    std::function<void(bool)> on_serving = [](bool) {};
    // Of this node; on the loop. May be empty.
    std::function<Load()> load;
    // No two nodes can have this node's address (MemberFacts) at one time, as it has a port.
    bool address_is_own = true;
    // Where clients reach this node ("host:port"); "": not directly.
    std::string client_address;
    // The addresses of all members, when they have changed; may be empty.
    std::function<void(std::vector<std::string>)> on_addresses;
  };
  Cluster(Parts parts, store::MemberFacts facts, Timing timing = {});
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // What this build speaks on the bus, for MemberFacts.
  [[nodiscard]] static std::uint32_t own_format();

  // Joins, and stays. `receiver` outlives it.
  void start(Receiver& receiver);
  // Says that this node takes no new accounts any more; they stay where they are.
  void drain();
  // Removes the row and ends. Afterwards nothing is called any more.
  Task<void> leave();

  // --- any thread ---

  [[nodiscard]] EventLoop& loop() { return *parts_.loop; }

  // 0 while this is no member.
  [[nodiscard]] NodeId self() const { return self_; }
  // True if every member reads parcels that bear a trace id.
  [[nodiscard]] bool all_read_trace_ids() const;
  // All members know a former keeper's question (core/parcels.h), and are told the time.
  [[nodiscard]] bool all_tell_time() const;
  // True when it is a member and knows the others' part of the directory.
  [[nodiscard]] bool serving() const { return serving_; }
  // True while others cannot have taken it for dead. After a pause of the whole process this is
  // false before the cluster's loop has had the time to find out. On an event loop.
  [[nodiscard]] bool holds_lease() const {
    const NodeId self = self_;
    if (self == 0) return false;
    if (EventLoop::current()->now() - renewed_.load() < timing_.fence) return true;
    lapsed_ = self;
    return false;
  }
  // The same of a lease that this node got: false for ever once it was fenced.
  [[nodiscard]] bool holds(const store::Lease& lease) const {
    return self_ == lease.holder && holds_lease();
  }
  [[nodiscard]] Homes& homes() { return homes_; }
  [[nodiscard]] const Homes& homes() const { return homes_; }
  // The node that keeps what comes for an account without sessions: all nodes come to the same
  // answer, as long as they see the same members. `without`: but not one of these.
  [[nodiscard]] NodeId keeper(std::string_view account, std::span<const NodeId> without = {}) const;
  // A change of the members, or of who hears whom, is known to all by then.
  static constexpr std::chrono::seconds kSeenAlike{4};
  // That node before the members changed, if they did lately: others may take it for the keeper
  // still. 0 if there is no other, or it is not reachable.
  [[nodiscard]] NodeId former_keeper(std::string_view account, TimePoint now) const;
  // False if the node is no member, or too much waits for it already (`must`: whatever waits).
  bool send(NodeId to, std::string parcel, bool must = false);
  // True if it is a member and heard, or this node itself.
  [[nodiscard]] bool reachable(NodeId node) const;
  [[nodiscard]] bool all_reachable() const { return view_.get()->all_reachable; }
  // Bytes for others that they have not confirmed, as of the last half second.
  [[nodiscard]] std::size_t waiting_bytes() const { return waiting_bytes_; }
  // One of those that can be reached does not take what is for it: as much waits as may.
  [[nodiscard]] bool any_full() const;
  // How late they are: how long the oldest frame that one of them has not confirmed had waited when
  // that one was last heard. So what waits for a node that has fallen silent is not late: it was
  // not busy, but may be dead.
  [[nodiscard]] Duration lag() const { return view_.get()->lag; }
  [[nodiscard]] bool is_member(NodeId node) const;
  // True if it was one; not of one that may have joined just now.
  [[nodiscard]] bool is_gone(NodeId node) const;
  [[nodiscard]] std::vector<NodeId> others() const;
  // Where a client may go instead of this node: that of a node that is up, by chance, the likelier
  // the emptier it is; "" if none has said where clients reach it.
  [[nodiscard]] std::string client_address_elsewhere() const;
  // Of each of the other nodes that are up and have said so.
  [[nodiscard]] std::vector<Load> loads_elsewhere() const;
  // The database's time, in microseconds since 1970; and its clock minus this machine's. It does
  // not go back, and is behind no time that another node has told: what happens here because of
  // something there is later by this clock, too. (Unless the database's clock is set back.)
  [[nodiscard]] std::int64_t clock_us(TimePoint now) const { return clock_.us(us_of(now)); }
  // It is so late already, as something shows that another node left behind.
  void not_before(std::int64_t us, TimePoint now) { clock_.told(us, us_of(now)); }
  [[nodiscard]] std::int64_t clock_skew_us() const { return clock_skew_us_; }

  // --- on the loop ---

  [[nodiscard]] std::vector<PeerStatus> status() const;
  [[nodiscard]] Leases& leases() { return leases_; }
  [[nodiscard]] bus::Bus* bus() { return bus_.get(); }  // nullptr while this is no member

 private:
  struct Peer {
    explicit Peer(Link l) : link(std::move(l)) {}
    Link link;
    store::Member member;
    TimePoint heard{};      // directly
    TimePoint heard_via{};  // or through another
    bool ever_heard = false;
    bool unreached = false;  // as was logged
    TimePoint hole_since{};  // it is not heard, or does not hear us, and lives
    TimePoint redialled{};
    TimePoint told_time{};
    std::vector<Heard> hears;
    std::optional<Load> load;
    std::string client_address;
    std::string parts;  // of a parcel whose end has not come
    std::shared_ptr<std::atomic<bool>> has_room = std::make_shared<std::atomic<bool>>(true);
  };
  // What other threads see of the members.
  struct View {
    struct Seen {
      bool reachable = false;
      std::shared_ptr<std::atomic<bool>> has_room;
    };
    std::map<NodeId, Seen> peers;
    std::vector<NodeId> keepers;         // who is up and reachable
    std::vector<NodeId> former_keepers;  // who was so before each of the latest changes
    TimePoint keepers_changed{};
    struct Loaded {
      Load load;
      std::string client_address;
    };
    std::vector<Loaded> loads;  // of the keepers that are others
    Duration lag{};
    bool all_reachable = true;
    NodeId newest = 0;  // of all that were ever seen
  };

  static std::int64_t us_of(TimePoint time) {
    return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
  }

  // In membership.cc.
  Task<void> run();
  Task<void> join();
  Task<Result<>> check_versions();
  Task<void> renew();
  [[nodiscard]] bool is_predecessor(const store::Member& member) const;
  Task<void> take_roll(store::Roll roll);
  void add_peer(const store::Member& member);
  void remove_peer(NodeId node);
  void pass_on_addresses(const store::Roll& roll);
  void agree_on_format(const store::Roll& roll);
  void look_at_clock(const store::Roll& roll);
  Completion<bool> pause(Duration at_most);
  void wake();
  void fence(std::string_view why);
  void become_up_when_synced();
  [[nodiscard]] std::vector<NodeId> able_to_hold_leases(const store::Roll& roll) const;

  void beat();
  void look_at(Peer& peer);
  void publish_view();
  void count_members() const;
  void flush();
  void send_changes();
  void take_outbox();
  void push(Peer& peer, std::string_view parcel);

  void frame_came(std::string_view bytes, bool relayed);
  void heartbeat_came(const FrameHead& head, Decoder& frame);
  void parcels_came(Peer& peer, NodeId from, Decoder& frame);
  void parcel_came(NodeId from, std::string_view parcel);
  void relay(Decoder& frame);
  void ask_piece(NodeId node, Homes::Ask cursor);
  void transmit(NodeId to, std::string_view frame);
  void announce(std::string_view frame);
  [[nodiscard]] bool hears(const Peer& peer) const;
  [[nodiscard]] bool is_heard_by(const Peer& peer) const;
  [[nodiscard]] Duration lag_of(const Peer& peer) const;
  [[nodiscard]] const Peer* relay_to(NodeId node) const;
  Peer* find(NodeId node);

  const Parts parts_;
  store::MemberFacts facts_;
  const Timing timing_;
  Receiver* receiver_ = nullptr;
  Gate gate_;
  std::unique_ptr<bus::Bus> bus_;
  std::map<NodeId, Peer> peers_;
  Homes homes_;
  Leases leases_;
  store::Member me_;
  std::atomic<TimePoint> renewed_{
      TimePoint()};  // when the last renewal that succeeded was asked for
  TimePoint joined_at_{};
  TimePoint steady_since_{};  // every renewal has succeeded since
  TimePoint swept_{};
  TimerId beat_timer_ = 0;
  TimerId receipt_timer_ = 0;
  bool receipts_planned_ = false;
  TimerId pause_timer_ = 0;
  std::move_only_function<void(bool)> end_pause_;
  bool hinted_ = false;  // the rows have changed, it is said
  bool leaving_ = false;
  bool skewed_ = false;
  std::vector<std::string> addresses_;

  std::atomic<std::uint32_t> spoken_ = kOldestFormat;  // the newest format that all members know
  std::atomic<NodeId> self_ = 0;
  // Somebody was told that this node holds its lease no more, and acts on that.
  mutable std::atomic<NodeId> lapsed_ = 0;
  std::atomic<bool> serving_ = false;
  ClusterClock clock_;
  std::atomic<std::size_t> waiting_bytes_ = 0;
  std::atomic<std::int64_t> clock_skew_us_ = 0;
  Swappable<View> view_{View()};
  std::mutex outbox_mutex_;
  std::vector<std::pair<NodeId, std::string>> outbox_;  // guarded by outbox_mutex_
  std::string marked_;                                  // what push() is about to add
};

}  // namespace starling::cluster
