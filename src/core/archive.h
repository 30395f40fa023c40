// Archive: stores an account's messages (XEP-0313): what comes for it and what it sends.
//
// Delivery does not wait for the disk; the acknowledgement to the sender does, since the write
// keeps the stanza's receipt until it is durable. One message is one entry in one log of the
// account: the archive, or the log of what is kept only until it is delivered. Offline messages are
// read from there (offline.h).
//
// Runs on the account's home worker.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "base/task.h"
#include "core/archive_rules.h"
#include "core/archive_uid.h"
#include "core/directory.h"
#include "store/store.h"
#include "xmpp/stanza.h"

namespace starling::core {

class Worker;

inline constexpr std::string_view kArchiveLog = "archive";
inline constexpr std::string_view kTransientLog = "undelivered";  // Keep::delivered

// An id is a time and, in its last ten bits, the slot of the node that gave it, so that no two
// nodes give the same. When the message was stored, in microseconds since the epoch; and the least
// id of that time.
[[nodiscard]] constexpr std::int64_t archive_time_us(ArchiveId id) {
  return static_cast<std::int64_t>(id >> 10);
}
[[nodiscard]] constexpr ArchiveId archive_id_at(std::int64_t us) {
  if (us <= 0) return 0;
  if (us >= archive_time_us(store::LogFilter::kNoLimit)) return store::LogFilter::kNoLimit;
  return static_cast<ArchiveId>(us) << 10;
}

// The message of an entry, as it was stored; nullopt if the entry is damaged.
[[nodiscard]] std::optional<xmpp::Stanza> message_of(const store::LogEntry& entry);

// XEP-0359 section 5: nobody but its own server gives ids in the account's name.
void remove_foreign_ids(xmpp::Stanza& message, const xmpp::Jid& account);

class Archive {
 public:
  explicit Archive(Worker& worker);
  // Before anything else: the secret of the ids, and the last id that may have been given.
  void begin(std::string_view uid_secret, ArchiveId last_id);

  // A message for the account, by whichever rule `keep` says (not Keep::nothing). Afterwards it
  // bears its archive id, and <stanza-id/> (XEP-0359) if it is archived. If the write fails, its
  // sender is told by an error.
  void store_incoming(LocalAccount& account, Keep keep, xmpp::Stanza& message);
  // A message that the account sends; its archive id.
  ArchiveId store_sent(LocalAccount& account, const xmpp::Stanza& message);

  // Ends when everything stored for the account before is in the archive, or has failed. In the
  // account's turn, so that nothing new is stored meanwhile.
  Task<void> written(xmpp::Jid account);

  // An id that was given elsewhere, or before: those given from now on are higher.
  void saw(ArchiveId id);
  [[nodiscard]] ArchiveId last_id() const { return last_id_; }

  [[nodiscard]] const ArchiveUid& uid() const { return uid_; }
  // <stanza-id/> of an entry in the account's archive.
  [[nodiscard]] std::string stanza_id(const xmpp::Jid& account, ArchiveId id) const;

  // Ids rise even if the wall clock is set back over a restart: those that may have been given are
  // noted in the store (map kClockMap of the server, one key a worker), ahead of their use.
  static constexpr std::string_view kClockMap = "archive-clock";

 private:
  ArchiveId next_id();
  Task<void> reserve(ArchiveId until);
  void begin_append(LocalAccount& account, Task<void> write);
  Task<void> append(std::string log, store::LogEntry entry, xmpp::Jid owner, xmpp::Stanza message,
                    bool incoming);

  Worker& worker_;
  ArchiveUid uid_;
  ArchiveId last_id_ = 0;
  ArchiveId reserved_ = 0;
};

}  // namespace starling::core
