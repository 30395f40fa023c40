// Guests: sessions of accounts whose home is here that are connected to other nodes (remote.h).
//
// A guest is a session as any other; only its outbox leads to the node of its connection, where the
// visitor (visitors.h) is. What was delivered is kept until that node says that the client has it,
// or, without stream management, that it was written: if the node dies, it goes through the rules
// again. Used on the worker's thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/cluster.h"
#include "core/parcels.h"
#include "core/parking.h"
#include "core/session.h"

namespace starling::core {

class Guest;
class Worker;

class Guests {
 public:
  explicit Guests(Worker& worker);
  ~Guests();

  void take(cluster::NodeId from, const ParcelHead& head, cluster::Decoder& parcel);
  // A session of this node goes on with another's connection, whose client was sent `unconfirmed`
  // and may not have got it.
  void adopt(Session& session, cluster::NodeId node, SessionId visitor,
             std::vector<xmpp::Stanza> unconfirmed);
  // A guest's connection comes to this node: its session, for an outbox to be set, and what was
  // delivered but not confirmed, `first` and what follows. nullptr: there is none (any more).
  struct TakenBack {
    Session* session = nullptr;
    std::vector<xmpp::Stanza> unconfirmed;
  };
  TakenBack take_back(cluster::NodeId node, SessionId visitor, std::uint64_t first);
  // The nodes that have connections of the account.
  [[nodiscard]] std::vector<cluster::NodeId> nodes_of(std::string_view account) const;

  // The connections of that node are lost.
  void peer_gone(cluster::NodeId node);
  [[nodiscard]] std::size_t size() const { return guests_.size(); }

 private:
  friend class Guest;
  using Key = std::pair<cluster::NodeId, SessionId>;  // of the visitor

  void bind(cluster::NodeId from, std::string_view account, cluster::Decoder& parcel);
  Task<void> bind_in_turn(std::shared_ptr<Guest> guest, xmpp::Jid full,
                          std::optional<ParkedSession> parked);
  void park(const Key& key, cluster::Decoder& parcel);
  void moved(const Key& from, const Key& to, std::uint64_t last);
  void unbind(const Key& key);
  void remove(const Key& key);

  Worker& worker_;
  std::map<Key, std::shared_ptr<Guest>> guests_;
};

}  // namespace starling::core
