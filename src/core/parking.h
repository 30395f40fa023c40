// Parking: sessions whose stream is gone with its node, kept in the store until a client resumes
// them (XEP-0198 section 4) at whatever node.
//
// A node that leaves parks every session that can be resumed: all that is known of it is written
// under its resumption id, and it is no session any more. Its contacts are not told; what comes for
// it waits in the archive like for anybody who is away. Whoever resumes it claims it: one step in
// the store, which the first alone wins. If nobody does in time it ends like any other session.
//
// Used on the worker of the account, in the account's turn.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"
#include "base/task.h"
#include "core/owed.h"
#include "core/remains.h"
#include "core/session.h"
#include "store/store.h"
#include "xmpp/jid.h"

namespace starling::core {

class Worker;

// What the stream knows (XEP-0198).
struct StreamState {
  std::string id;             // to resume by
  std::uint32_t handled = 0;  // stanzas from the client that were dealt with
  std::uint32_t sent = 0;     // and to it
  std::chrono::seconds timeout{0};
  std::vector<xmpp::Stanza> queue;  // the last of those sent: not acknowledged
};

struct ParkedSession {
  xmpp::Jid jid;  // full
  StreamState stream;
  std::int64_t until_us = 0;  // after this it ends; Server::clock_us
  bool interested = false;
  std::string presence;  // as its client sent it; "": it is not available
  std::vector<xmpp::Jid> directed;
  std::vector<std::string> marks;  // Host::session_mark

  // What the account's node was told meanwhile of others' presence, by full JID: the last of each.
  // Of messages the archive takes care.
  struct Missed {
    std::int64_t at_us = 0;  // Server::clock_us
    std::string presence;
  };
  std::map<std::string, Missed> missed;
  bool missed_changed = false;  // since it was stored
  TimePoint ends{};             // until_us, as this node's clock has it
  // Its time is over, but somebody had claimed it: since when.
  std::optional<TimePoint> overdue;
  // Puts it behind what its client has not acknowledged.
  void send_missed();

  [[nodiscard]] bool available() const { return !presence.empty(); }
  [[nodiscard]] std::string encode() const;
  // nullopt if the text is not one of encode's.
  static std::optional<ParkedSession> decode(std::string_view text);
};

class Parking {
 public:
  explicit Parking(Worker& worker) : worker_(worker) {}

  // The account's parked sessions, from the entries of the map that also has its cursor.
  static constexpr std::string_view kKeyPrefix = "session ";
  void load(LocalAccount& account, const std::vector<store::Entry>& entries);

  // Takes the session from its outbox, which does not touch it any more. Comes back when it is in
  // the store, or, as that failed, ended.
  Task<void> park(SessionRef session, StreamState stream);

  // Errors: not_found (there is none of that id), exists (somebody else has claimed it, and may
  // have bound it by now), unavailable.
  Task<Result<ParkedSession>> claim(xmpp::Jid account, std::string id);
  // It was claimed and cannot be bound now: it may be claimed again, as soon as the store is there.
  // False if it is parked no more: it was bound, or ended.
  Task<bool> put_back(xmpp::Jid account, std::string id);

  // A presence has come for the account, or is of one of its other sessions.
  void presence_came(LocalAccount& account, const xmpp::Stanza& presence);
  // The account is about to leave memory, for another node.
  Task<void> save_missed(xmpp::Jid account);
  [[nodiscard]] static bool has_unsaved(const LocalAccount& account);
  // The claimed session is about to be bound: adds what it has missed, up to this moment.
  Task<Result<>> collect_missed(ParkedSession& parked);

  // Makes a session that was just bound what it was before.
  void restore(Session& session, const ParkedSession& parked);
  // A claimed session cannot be bound, or its time is over: its contacts are told that it is gone.
  Task<void> end(ParkedSession parked);
  // The same for others than `id` that have this resource: their client has bound it anew.
  Task<void> end_of_resource(xmpp::Jid full, std::string id);

  // Others have parked sessions of the account. False if the store does not say. In its turn.
  Task<bool> read_again(xmpp::Jid account);
  // The same for an account that may be here now; false as well if it is not. In its turn.
  Task<bool> adopt(xmpp::Jid account);
  // This node has started, or keeps other accounts than before.
  void watch_all();
  // True while this node may keep an account with parked sessions and not know of them yet.
  [[nodiscard]] bool is_looking() const { return looking_ > 0; }
  // Meanwhile: `fn` is called when it knows; never, if too many wait already.
  void when_known(std::move_only_function<void()> fn);

 private:
  Task<Result<bool>> try_to_put_back(xmpp::Jid account, std::string id);
  Task<void> put_back_later(xmpp::Jid account, std::string id);
  void abandon(const xmpp::Jid& account, std::string_view id);
  // What is known of it; together with what a crash would leave of it (remains.h), if that is to
  // change.
  Task<Result<>> erase(xmpp::Jid account, std::string id,
                       std::optional<store::Change> remains = std::nullopt);
  void watch(ParkedSession& parked);
  void watch(const xmpp::Jid& account, const std::string& id, Duration left);
  Task<void> look(xmpp::Jid account, std::string id);
  Task<void> look_at_all();
  Task<void> look_at_index();
  Task<void> look_at_indexed(xmpp::Jid account, std::string id);
  // nullopt: it is in the index no more.
  Task<void> write_index(xmpp::Jid account, std::string id, std::optional<std::string> value);

  Worker& worker_;
  int looking_ = 0;  // through the index
  std::vector<std::move_only_function<void()>> when_known_;
};

}  // namespace starling::core
