// Remote: what one worker has to do with the other nodes of a cluster.
//
// An account has one home in the cluster, as it has one worker on a node: the node of its first
// session (account_homes.h). All its sessions, wherever they are connected, its roster, its cursor
// of offline messages and its turns are there, so everything in core works as on one node. A
// connection at another node has a Visitor there (visitors.h) and a guest at home (guests.h).
//
// What is sent to another node is kept until that node has dealt with it. If it dies instead, the
// stanza goes through the rules again. What comes for an account that has moved meanwhile waits
// until its former node has dealt with what was sent there: nothing overtakes anything.
//
// Without a cluster nothing of this is called, but for is_here(). Used on the worker's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/task.h"
#include "cluster/cluster.h"
#include "core/account_homes.h"
#include "core/guests.h"
#include "core/node_calls.h"
#include "core/parcels.h"
#include "core/visitors.h"
#include "xmpp/stanza.h"

namespace starling::core {

class Worker;

class Remote {
 public:
  explicit Remote(Worker& worker)
      : worker_(worker), homes_(worker), visitors_(worker), guests_(worker) {}

  [[nodiscard]] AccountHomes& homes() { return homes_; }
  [[nodiscard]] Visitors& visitors() { return visitors_; }
  [[nodiscard]] Guests& guests() { return guests_; }

  // True if others may be the home of what is here by now, and nothing of it may be written: this
  // node is none of the cluster any more, or stood still for so long that it must not be.
  [[nodiscard]] bool lapsed() const;

  // --- stanzas ---

  // Sends the stanza to the node where its addressee is, now or when it may go. False if that is
  // here: then it is as it was.
  bool route(xmpp::Stanza& stanza);
  // The number under which the stanza is kept until the node has dealt with it.
  std::uint64_t keep(cluster::NodeId node, const xmpp::Stanza& stanza);
  // The same for a stanza of a visitor, which ends with its session.
  std::uint64_t keep(cluster::NodeId node, const xmpp::Stanza& stanza, SessionId visitor);
  void forget_those_of(SessionId visitor);
  // A receipt that tells the node that the stanza of this number was dealt with; none for 0.
  [[nodiscard]] xmpp::ReceiptPtr receipt(cluster::NodeId node, std::uint64_t number) const;

  // The stanza's trace id, if all nodes read it.
  [[nodiscard]] xmpp::TraceId carried(const xmpp::Stanza& stanza) const;

  // A number of this worker's, for what an answer comes to.
  [[nodiscard]] std::uint64_t next_number();
  bool send(cluster::NodeId to, cluster::Encoder parcel, bool must = true);

  // --- what comes ---

  void take(cluster::NodeId from, std::string_view parcel);
  // This node is about to leave: messages are left to those who sent them, who send them elsewhere
  // when it is gone.
  void take_no_more() { takes_no_more_ = true; }
  void peer_gone(cluster::NodeId peer);
  // This node is no member any more: all sessions end, and nothing stays in memory.
  void fenced();

 private:
  struct Kept {
    cluster::NodeId node;
    xmpp::Stanza stanza;
    SessionId visitor;  // 0: it is routed again
  };
  // What this worker has sent to an account's node, of what came over as many nodes.
  struct Underway {
    cluster::NodeId node = 0;
    std::size_t count = 0;
    std::vector<xmpp::Stanza> behind;  // for another node, when all of that was dealt with
    TimerId timer = 0;                 // or when this ends
  };
  // Stanzas that differ in nothing but the addressee: they leave as one parcel.
  struct FanOut {
    xmpp::Stanza stanza;
    std::vector<std::string> to;
  };

  [[nodiscard]] cluster::Cluster* cluster() const;
  // The node where the addressee is, or ours.
  [[nodiscard]] cluster::NodeId place_of_addressee(const xmpp::Stanza& stanza) const;
  bool wait_behind_what_is_underway(xmpp::Stanza& stanza, cluster::NodeId at);
  void dealt(std::uint64_t number);
  // Routes what waits behind; whatever is still under way is left to itself.
  void let_go(std::size_t order);
  // After it has waited.
  void route_late(xmpp::Stanza stanza);
  [[nodiscard]] std::vector<xmpp::Stanza> take_behind(Underway& underway);
  void send_stanza(cluster::NodeId to, xmpp::Stanza stanza);
  void route_again_what_is_kept_for_no_member();
  void flush_fan_outs();
  void take_stanza(cluster::NodeId from, const ParcelHead& head, cluster::Decoder& parcel);

  Worker& worker_;
  AccountHomes homes_;
  Visitors visitors_;
  Guests guests_;
  bool takes_no_more_ = false;
  std::uint64_t last_number_ = 0;
  std::unordered_map<std::uint64_t, Kept> kept_;
  std::unordered_map<std::size_t, Underway> underway_;  // by whom else it must not overtake
  std::map<cluster::NodeId, FanOut> fan_outs_;          // of this turn
};

}  // namespace starling::core
