// Offline: hands an account the messages that no client has had yet (XEP-0160), and keeps track of
// which those are while clients come, acknowledge and go.
//
// There is no second copy of a message: what waits is in the archive above a cursor (owed.h), which
// is stored a moment after it moved, and when the last session ends. So a crash can make a
// message be offered twice, never lose one.
//
// Runs on the account's home worker.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "base/task.h"
#include "core/directory.h"
#include "core/session.h"
#include "store/store.h"
#include "xmpp/stanza.h"

namespace starling::core {

class Worker;

// The message was archived for the account before it goes out (XEP-0203).
void add_delay(xmpp::Stanza& message, const xmpp::Jid& account);

class Offline {
 public:
  // The cursor, and what else has to be known when an account comes into memory (parking.h,
  // shown.h, remains.h).
  static constexpr std::string_view kMap = "offline";

  explicit Offline(Worker& worker) : worker_(worker) {}

  // Reads the cursor into an account that is being loaded.
  Task<Result<>> load(LocalAccount& account);

  // A message is in the archive and was handed to `handed` sessions, of which `holders` have yet to
  // acknowledge it.
  void stored(LocalAccount& account, ArchiveId id, std::size_t handed, std::size_t holders);

  // A client has acknowledged these.
  void acknowledged(const xmpp::Jid& account, std::span<const ArchiveId> ids);

  // A session is gone and leaves these unacknowledged: they go to the account's other sessions,
  // wait for the next one, or, if they were not to be kept, go back to their senders as errors.
  void return_unacknowledged(const xmpp::Jid& account, std::vector<xmpp::Stanza> stanzas);

  // Hands what waits to a session that has become available with non-negative priority. In the
  // account's turn.
  Task<void> hand_out(SessionRef ref);

  // How many messages wait that no client was handed. In the account's turn; it is in memory.
  Task<Result<std::uint64_t>> waiting(xmpp::Jid account);

  // Stores the cursor now, if it moved.
  void store_cursor(LocalAccount& account);
  // The same, and ends when it is stored, or could not be.
  Task<void> save_cursor(xmpp::Jid account);
  // The same as a change of the account, together with others. nullopt: there is nothing to store.
  [[nodiscard]] std::optional<store::Change> cursor_change(const LocalAccount& account) const;

  // Others may have archived something for the account, or it waits again: hands it to a session
  // that takes messages. False if there is none.
  bool look_again(LocalAccount& account);

 private:
  struct Page {
    std::vector<store::LogEntry> archived;
    std::vector<store::LogEntry> transient;
    bool complete = false;

    [[nodiscard]] ArchiveId last() const {
      return std::max(archived.empty() ? 0 : archived.back().id,
                      transient.empty() ? 0 : transient.back().id);
    }
  };
  Task<Result<Page>> read_page(xmpp::Jid account, ArchiveId after);
  bool hand_out_page(LocalAccount& account, Session& session, const Page& page, ArchiveId sure);
  [[nodiscard]] ArchiveId sure() const;
  void hand_out_later(SessionRef ref);
  void give_back(LocalAccount& account, xmpp::Stanza message);
  void changed(LocalAccount& account);
  void store_changed();
  Task<void> save(xmpp::Jid account);

  Worker& worker_;
  std::vector<xmpp::Jid> changed_;  // accounts whose cursor moved
  bool timer_ = false;
};

}  // namespace starling::core
