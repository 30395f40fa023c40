// Visitors: sessions that are connected to this node while the home of their account is another
// (remote.h).
//
// A visitor is a Session to its stream, and nothing more: what the client sends goes on to the
// home, where its other half, the guest (guests.h), is what a session is; what the home delivers
// goes to the stream. Used on the worker's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/task.h"
#include "cluster/cluster.h"
#include "core/parcels.h"
#include "core/parking.h"
#include "core/session.h"
#include "xml/document.h"

namespace starling::core {

class Worker;

struct Visitor : Session {
  cluster::NodeId home = 0;
  // What came before the client's stream was ready for it; nullptr once it is.
  std::unique_ptr<std::vector<xmpp::Stanza>> early;
  std::uint64_t delivered = 0;  // the number of the last
  // Stanzas that the home delivered are numbered; this one and all before need not be kept there.
  std::uint64_t confirmed = 0;
  bool to_confirm = false;
};

class Visitors {
 public:
  explicit Visitors(Worker& worker) : worker_(worker) {}

  // Binds a session at the account's home. Errors: as of Worker::bind; exists: it is not the
  // account's home any more.
  // What is delivered to one that was parked waits until it is settled().
  Task<Result<Session*>> bind(cluster::NodeId home, xmpp::Jid full, Outbox& outbox,
                              const ParkedSession* parked = nullptr);
  void unbind(Session& session);
  // Has the home park the session; then its outbox is told to end.
  void park(Session& session, const StreamState& stream);
  [[nodiscard]] std::vector<SessionId> all() const;
  void leave(SessionId visitor, Leaving why);
  // So many of those that may go elsewhere.
  void leave_some(std::size_t most, bool (*may_go)(const Session& visitor, std::int64_t now_us));

  void submit(Session& session, xmpp::Stanza stanza);
  void nonza(Session& session, const xml::Element& element);
  void active(Session& session);
  // The client has got everything up to the highest of these.
  void acknowledged(const Session& session, std::span<const std::uint64_t> numbers);

  // --- resumption across nodes (XEP-0198) ---

  // A session is about to come from another node; what is delivered to it waits.
  SessionId expect(Outbox& outbox);
  void abandon(SessionId expected) { visitors_.erase(expected); }
  // It has come, and its client was sent everything up to `delivered`. settled() lets go of what
  // has waited, when the client knows. nullptr if it was ended meanwhile.
  Session* settle(SessionId expected, const xmpp::Jid& full, cluster::NodeId home,
                  std::uint64_t delivered);
  void settled(Session& session);
  // It goes on at another node. Gives the home.
  cluster::NodeId hand_over(Session& session, cluster::NodeId to, SessionId expected);

  [[nodiscard]] std::size_t size() const { return visitors_.size(); }
  void for_each(const std::function<void(const Visitor&)>& visit) const;

  void take(cluster::NodeId from, const ParcelHead& head, cluster::Decoder& parcel);
  // Ends those whose home is this node (0: all) with a stream error.
  void end_those_of(cluster::NodeId home, xmpp::StreamCondition condition, std::string_view text);

 private:
  struct Question {
    cluster::NodeId home;
    TimerId timer;
    Completion<std::uint64_t>::Resume resume;
  };
  void wait_for_answer(SessionId id, TimePoint until);
  void answered(SessionId id, std::uint64_t answer);
  void deliver(Visitor& visitor, const xmpp::TraceId& trace_id, cluster::Decoder& parcel);
  void end(Visitor& visitor, xmpp::StreamCondition condition, std::string_view text);
  void confirm(Visitor& visitor, std::uint64_t number);
  void send_confirmations();

  Worker& worker_;
  std::unordered_map<SessionId, std::unique_ptr<Visitor>> visitors_;
  std::unordered_map<SessionId, Question> questions_;
  std::vector<SessionId> to_confirm_;
};

}  // namespace starling::core
