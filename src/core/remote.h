// Remote: what one worker has to do with the other nodes of a cluster.
//
// An account has one home in the cluster, as it has one worker on a node: the node of its first
// session. All its sessions, wherever they are connected, its roster, its cursor of offline
// messages and its turns are there, so everything in core works as on one node. A connection at
// another node has a Visitor there (visitors.h) and a guest at home (guests.h). An account without
// sessions has no home; what comes for it goes to its keeper, which all nodes compute alike
// (Cluster::keeper), and who becomes its home is settled there. docs/adr/0009 says why.
//
// What is sent to another node is kept until that node has dealt with it. If it dies instead, the
// stanza goes through the rules again.
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
#include "core/guests.h"
#include "core/node_calls.h"
#include "core/owed.h"
#include "core/parcels.h"
#include "core/visitors.h"
#include "xmpp/stanza.h"

namespace starling::core {

class Worker;

class Remote {
 public:
  explicit Remote(Worker& worker) : worker_(worker), visitors_(worker), guests_(worker) {}

  [[nodiscard]] Visitors& visitors() { return visitors_; }
  [[nodiscard]] Guests& guests() { return guests_; }

  // --- where an account is ---

  // The node that has to do with it: its home, or its keeper.
  [[nodiscard]] cluster::NodeId place_of(std::string_view account) const;
  // True if that is this node; always without a cluster.
  [[nodiscard]] bool is_here(std::string_view account) const;

  // True if others may be the home of what is here by now, and nothing of it may be written: this
  // node is none of the cluster any more, or stood still for so long that it must not be.
  [[nodiscard]] bool lapsed() const;

  // The home of the account, which is this node from now on if it had none. In the account's turn.
  // Errors: unavailable.
  Task<Result<cluster::NodeId>> find_home(xmpp::Jid account);
  // This node, its home, has another session of it.
  void claim(std::string_view account);
  // The account's last session is gone: if it has none yet when its turn comes, it leaves memory,
  // and this node is its home no longer.
  void release(const xmpp::Jid& account);
  // Forgets an account without sessions, after all of it has been stored. False if it has some. In
  // its turn.
  Task<bool> let_go(xmpp::Jid account);

  // --- stanzas ---

  // Sends the stanza to the node where its addressee is. False if that is here: then it is as it
  // was.
  bool route(xmpp::Stanza& stanza);
  // The number under which the stanza is kept until the node has dealt with it.
  std::uint64_t keep(cluster::NodeId node, const xmpp::Stanza& stanza);
  // The same for a stanza of a visitor, which ends with its session.
  std::uint64_t keep(cluster::NodeId node, const xmpp::Stanza& stanza, SessionId visitor);
  void forget_those_of(SessionId visitor);
  // A receipt that tells the node that the stanza of this number was dealt with; none for 0.
  [[nodiscard]] xmpp::ReceiptPtr receipt(cluster::NodeId node, std::uint64_t number) const;

  // A number of this worker's, for what an answer comes to.
  [[nodiscard]] std::uint64_t next_number();
  bool send(cluster::NodeId to, cluster::Encoder parcel, bool must = true);

  // This node, as the keeper of an account without sessions, has archived a message for it. Noted
  // for a while: should another node be the home already, it is told to look.
  void kept_for_later(const xmpp::Jid& account);

  // --- what comes ---

  void take(cluster::NodeId from, std::string_view parcel);
  void peer_gone(cluster::NodeId peer);
  // Keepers are others than before.
  void members_changed();
  // This node is no member any more: all sessions end, and nothing stays in memory.
  void fenced();
  void home_conflict(const xmpp::Jid& account, cluster::Home mine, cluster::Home other);
  void other_home(const xmpp::Jid& account, cluster::NodeId home);

 private:
  struct Kept {
    cluster::NodeId node;
    xmpp::Stanza stanza;
    SessionId visitor;  // 0: it is routed again
  };
  // Stanzas that differ in nothing but the addressee: they leave as one parcel.
  struct FanOut {
    xmpp::Stanza stanza;
    std::vector<std::string> to;
  };
  struct Found {
    cluster::NodeId home;
    ArchiveId last_id;
  };
  using Asked = Completion<Result<Found>>::Resume;
  struct Question {
    cluster::NodeId node;
    TimerId timer;
    Asked resume;
  };

  [[nodiscard]] cluster::Cluster* cluster() const;
  void send_stanza(cluster::NodeId to, xmpp::Stanza stanza);
  void flush_fan_outs();
  Task<Result<Found>> ask(cluster::NodeId node, std::string account);
  void answered(std::uint64_t number, Result<Found> found);
  void take_stanza(cluster::NodeId from, cluster::Decoder& parcel);
  void take_seek(cluster::NodeId from, std::string_view account, cluster::Decoder& parcel);
  Task<void> answer_seek(cluster::NodeId asker, xmpp::Jid account, std::uint64_t number);
  Task<void> release_in_turn(xmpp::Jid account);
  Task<void> forget(xmpp::Jid account);
  void take_losing(cluster::NodeId from, std::string_view account, cluster::Decoder& parcel);
  void take_losers(std::string_view account, cluster::Decoder& parcel);
  void tell_kept(const xmpp::Jid& account, cluster::NodeId home);
  void take_kept(std::string_view account);

  Worker& worker_;
  Visitors visitors_;
  Guests guests_;
  std::uint64_t last_number_ = 0;
  std::unordered_map<std::uint64_t, Kept> kept_;
  std::map<std::uint64_t, Question> questions_;
  std::map<cluster::NodeId, FanOut> fan_outs_;  // of this turn
  std::unordered_map<std::string, TimePoint> kept_for_later_;
  TimePoint kept_swept_{};
};

}  // namespace starling::core
