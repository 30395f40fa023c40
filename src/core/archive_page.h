// Reads what an ArchiveQuery asks for, page by page, from an account's archive.
//
// The place of a message is its id, which is its time, so every condition but `with` is a range of
// ids: a page costs the same in a large archive as in a small one. Only a count walks over what it
// counts, up to a bound. Runs on the account's home worker.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <vector>

#include "base/task.h"
#include "core/archive_query.h"
#include "store/store.h"
#include "xmpp/errors.h"
#include "xmpp/jid.h"

namespace starling::core {

class Worker;

struct ArchivePage {
  static constexpr std::uint32_t kDefaultMessages = 100;
  static constexpr std::uint32_t kMaxMessages = 250;
  // Messages are that many bytes together, or it is a single one: what a client is sent at once.
  static constexpr std::size_t kMaxBytes = 1'000'000;
  // More are not counted, since the account waits meanwhile (XEP-0059 section 2.6 allows it).
  static constexpr std::uint64_t kMaxCount = 20'000;

  std::vector<store::LogEntry> entries;  // in rising order of id
  bool complete = false;                 // nothing lies behind it, in the direction of paging
  std::optional<std::uint64_t> count;    // of all that the query matches; where it costs little
};

// In the account's turn: what was stored for the account before is found. Errors: item-not-found
// for a UID that is not in the archive, resource-constraint if the store cannot serve.
Task<std::expected<ArchivePage, xmpp::StanzaError>> read_archive(Worker& worker, xmpp::Jid account,
                                                                 ArchiveQuery query);

// Section 5.
struct ArchiveEnds {
  std::uint64_t first = 0;  // ids; 0 if the archive is empty
  std::uint64_t last = 0;
};
Task<std::expected<ArchiveEnds, xmpp::StanzaError>> read_archive_ends(Worker& worker,
                                                                      xmpp::Jid account);

}  // namespace starling::core
