// Leases: what has to be done in one place of the whole cluster, and where that is.
//
// A lease is a row in the store that belongs to its holder's own (store/members.h): it needs no
// renewal, and is free as soon as its holder is no member. A node that cannot renew its row is
// fenced, and has until Timing::dead to end what it does under its leases; what it still writes
// bears the lease's term (store::Fence), and the store refuses it when that is over.
//
// Who is to hold what follows from the members and the names alone (place()), so all nodes come to
// the same: the one it falls to takes a lease that is free, and who holds one that falls to another
// hands it over; a node that drains, all of its own.
//
// Everything on the cluster's loop; add() before it turns.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/event_loop.h"
#include "base/task.h"
#include "bus/bus.h"
#include "store/members.h"

namespace starling::cluster {

using bus::NodeId;

// Who does it. Called on the cluster's loop, in turns.
class LeaseHolder {
 public:
  virtual ~LeaseHolder() = default;
  // This node holds the lease, under its term, until it is to give it up. Before each step look at
  // Cluster::holds() as well, not to depend on when the end is heard of.
  virtual void lease_held(const store::Lease& lease) = 0;
  // `done`, on any thread, as soon as nothing is done under it any more.
  virtual void lease_ends(std::move_only_function<void()> done) = 0;
};

// Which of the nodes each name falls to: by rendezvous, but no node gets more than a quarter above
// its share. A node more or less moves about the share of one. Empty without nodes.
[[nodiscard]] std::map<std::string, NodeId, std::less<>> place(std::vector<std::string> names,
                                                               const std::vector<NodeId>& nodes);

class Leases {
 public:
  Leases(EventLoop& loop, store::Members& members) : loop_(loop), members_(members) {}

  // Somebody is to hold the lease at all times, and on this node it is `holder`, which outlives the
  // cluster. All nodes add the same names.
  void add(std::string name, LeaseHolder& holder) { wanted_[std::move(name)].holder = &holder; }

  // This node is a member from now on.
  void joined(NodeId self) { self_ = self; }
  // These can hold leases.
  void look(std::vector<NodeId> able);
  // It is no member any more.
  void fenced();
  // Comes back when nothing is done under any lease. It still holds them, until its row is removed.
  Task<void> end_all();

  // As they were read last.
  [[nodiscard]] const std::vector<store::Lease>& known() const { return known_; }

 private:
  enum class State : std::uint8_t { idle, taking, held, ending, passing };
  struct Wanted {
    LeaseHolder* holder = nullptr;
    State state = State::idle;
    std::uint64_t term = 0;     // while it is held
    std::uint64_t changed = 0;  // the last of steps_ that changed its state
  };
  using Place = std::map<std::string, NodeId, std::less<>>;

  Task<void> look_until_seen();
  void act(const std::string& name, Wanted& wanted, const store::Lease* lease, NodeId falls_to);
  Task<void> take(std::string name);
  void begin(Wanted& wanted, const store::Lease& lease);
  Task<void> end(std::string name);
  Task<void> pass_on(store::Lease lease, NodeId to);
  void set(Wanted& wanted, State state);

  EventLoop& loop_;
  store::Members& members_;
  Gate gate_;
  NodeId self_ = 0;
  std::map<std::string, Wanted, std::less<>> wanted_;
  std::vector<NodeId> able_;
  std::vector<store::Lease> known_;
  std::uint64_t steps_ = 0;  // rises; what was read before the last change of a lease is too old
  bool looking_ = false;
  bool again_ = false;
  bool over_ = false;
};

}  // namespace starling::cluster
