// AccountHomes: which node of the cluster has an account, for one worker.
//
// An account with sessions has a home: all nodes know it (cluster/homes.h). One without has a
// keeper, which all nodes compute alike (Cluster::keeper); who becomes its home is settled there,
// in the account's turn. Nodes that see the members differently for a moment, or that a split
// parts, may both be a home or a keeper: which of them stays, and how it learns what the other has
// archived, is here, too. docs/adr/0009 says why.
//
// Used on the worker's thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/task.h"
#include "cluster/cluster.h"
#include "core/owed.h"
#include "core/parcels.h"
#include "xmpp/jid.h"

namespace starling::core {

class Worker;

class AccountHomes {
 public:
  explicit AccountHomes(Worker& worker) : worker_(worker) {}

  // The node that has to do with it: its home, or its keeper.
  [[nodiscard]] cluster::NodeId place_of(std::string_view account) const;
  // True if that is this node; always without a cluster.
  [[nodiscard]] bool is_here(std::string_view account) const;

  // The home of the account, which is this node from now on if it had none. In the account's turn.
  // Errors: unavailable.
  Task<Result<cluster::NodeId>> find_home(xmpp::Jid account);
  // This node, its home, has another session of it.
  void claim(std::string_view account);
  // The account's last session is gone: if it has none yet when its turn comes, it leaves memory,
  // and this node is its home no longer.
  void release(const xmpp::Jid& account);
  // Forgets an account without sessions, after all of it has been stored. In its turn.
  Task<void> forget(xmpp::Jid account);

  // This node, as the keeper of an account without sessions, has archived a message for it. Noted
  // for a while: should another node be the home already, it is told to look.
  void kept_for_later(const xmpp::Jid& account);

  // --- what becomes known ---

  // Keepers are others than before.
  void members_changed();
  void home_conflict(const xmpp::Jid& account, cluster::Home mine, cluster::Home other);
  void other_home(const xmpp::Jid& account, cluster::NodeId home);
  // These accounts had their home at a node that died: those that are here now are looked at, at a
  // bearable pace.
  void adopt(std::vector<std::string> accounts);
  // No question to this node, 0 is all, is answered any more.
  void peer_gone(cluster::NodeId peer);

  // --- parcels (parcels.h) ---

  void take_stored(cluster::NodeId from, std::string_view account, cluster::Decoder& parcel);
  void take_seek(cluster::NodeId from, std::string_view account, cluster::Decoder& parcel);
  void take_found(std::uint64_t number, cluster::Decoder& parcel);
  void take_losing(cluster::NodeId from, std::string_view account, cluster::Decoder& parcel);
  void take_losers(std::string_view account, cluster::Decoder& parcel);
  void take_kept(std::string_view account);
  void take_parked(cluster::NodeId from, std::string_view account, cluster::Decoder& parcel);

 private:
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
  void ask_for_presence_later();
  void adopt_some(std::shared_ptr<std::vector<std::string>> accounts);
  Task<void> wait_for_former_keeper(xmpp::Jid account);
  Task<void> answer_when_stored(cluster::NodeId asker, xmpp::Jid account, std::uint64_t number);
  // False if it has sessions.
  Task<bool> let_go(xmpp::Jid account);
  Task<void> release_in_turn(xmpp::Jid account);
  // Whom this node has asked to take over parked sessions: what came of it.
  enum class StillHome : bool { no, yes };
  void tell_keeper(const xmpp::Jid& account, cluster::NodeId keeper, StillHome still_home);
  Task<void> take_over(xmpp::Jid account, cluster::NodeId from);
  void give_up_claim(const xmpp::Jid& account);
  Task<Result<Found>> ask(cluster::NodeId node, ParcelKind kind, std::string account);
  void answered(std::uint64_t number, Result<Found> found);
  void answer(cluster::NodeId asker, std::uint64_t number, cluster::NodeId home);
  Task<void> answer_seek(cluster::NodeId asker, xmpp::Jid account, std::uint64_t number);
  void tell_kept(const xmpp::Jid& account, cluster::NodeId home);

  Worker& worker_;
  std::map<std::uint64_t, Question> questions_;
  std::unordered_map<std::string, TimePoint> kept_for_later_;
  TimePoint kept_swept_{};
  bool asks_later_ = false;
  bool asks_once_more_ = false;  // the members have changed since
};

}  // namespace starling::core
