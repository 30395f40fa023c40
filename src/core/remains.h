// Remains: what a crash leaves of a session's stream management (XEP-0198), so that its client is
// told which of its stanzas were dealt with: <failed h='...'/>.
//
// Two things say it together. A note, one small value an account's session, says how many had been
// dealt with when it was written; and the account's archive, in which each message that the session
// sent bears a mark (archive_mark.h), says what came after. So a client that sends nothing but
// messages costs a note once, and one whose other stanzas are acknowledged costs one for each such
// <a/>. stream/stream_management.h is who knows when.
//
// What the sender's archive has may not have reached its addressee, if the crash was in between. So
// what is counted on the strength of its mark only is looked up there, and sent on again if it is
// missing. docs/adr/0012 says more. Used on the worker of the account.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "core/owed.h"
#include "store/store.h"
#include "xmpp/jid.h"

namespace starling::core {

class Worker;
struct LocalAccount;

class Remains {
 public:
  explicit Remains(Worker& worker) : worker_(worker) {}

  struct Note {
    std::uint32_t handled = 0;  // stanzas of its client that were dealt with
    ArchiveId since = 0;        // what it archived beyond those comes after this
  };
  // For a session whose messages bear no marks.
  static constexpr ArchiveId kNoMarks = store::LogFilter::kNoLimit;
  // What its messages are marked with.
  [[nodiscard]] static std::string_view tag_of(std::string_view id);

  // Of a session that can be resumed by this id. False if it could not be written.
  Task<bool> write(xmpp::Jid account, std::string id, Note note);
  // The session has ended for good, or is parked.
  void erase(const xmpp::Jid& account, const std::string& id);
  // The same as a change of the account, together with others; nullopt erases.
  [[nodiscard]] static store::Change change(std::string_view id, std::optional<Note> note);

  // From the entries of the map that also has the account's cursor: notes whose clients do not come
  // back are erased some time.
  void load(const LocalAccount& account, const std::vector<store::Entry>& entries);

  // How many of the stanzas of a session that is nowhere any more were dealt with, now at the
  // latest; nullopt if that is not known. There is no note of it any more then.
  Task<std::optional<std::uint32_t>> take(xmpp::Jid account, std::string id);

 private:
  Task<void> drop(xmpp::Jid account, store::Entry entry);

  Worker& worker_;
};

}  // namespace starling::core
