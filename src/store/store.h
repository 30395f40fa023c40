// Store: durable state behind few shapes, whatever the engine underneath.
//
//   Accounts  who may log in, and their SCRAM keys
//   Maps      small values per owner: rosters, private XML, vCards, ... one named map per use
//   Logs      append-only entries per owner, in the order of their ids: archives
//   Members   the nodes that share the store (members.h), where several can
//
// Every key begins with its owner, so that any engine can shard by owner. Calls return Tasks that
// resume on the caller's own event loop. A write's Task finishes when the write is durable. Errors:
// Errc::unavailable when the engine cannot serve now, the caller may try later; not_found and
// exists where said. A write that ended in unavailable has not been acknowledged but may still turn
// out to have happened (power lost before it could be undone), so writes are made such that
// repeating them is harmless.
//
// Thread-safe: any worker may call; a call needs a loop (EventLoop::current()). Calls awaited one
// after the other see each other's effects. A Store must outlive its callers' Tasks.
//
// Owners are prepared bare JIDs (`alice@example.org`), hosts prepared domains; the owner "" is the
// server itself (its secrets and settings). Owners, map names and keys are UTF-8 without NUL,
// values any bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "store/members.h"

namespace starling::store {

// Keys for one SCRAM mechanism (RFC 5802 section 3); salt and keys are raw bytes.
struct Credential {
  std::string mechanism;  // "SCRAM-SHA-256"
  std::string salt;
  std::uint32_t iterations = 0;
  std::string stored_key;
  std::string server_key;
};

struct Account {
  std::string username;            // prepared localpart
  std::string host;                // prepared domain
  std::int64_t created_at_us = 0;  // wall clock
  std::vector<Credential> credentials;
};

class Accounts {
 public:
  virtual ~Accounts() = default;
  // exists: there is such an account already. invalid: one mechanism twice.
  virtual Task<Result<>> create(Account account) = 0;
  // not_found: no such account. Credentials come in byte order of their mechanisms.
  virtual Task<Result<Account>> find(std::string host, std::string username) = 0;
  // Replaces all credentials. not_found: no such account. invalid: one mechanism twice.
  virtual Task<Result<>> set_credentials(std::string host, std::string username,
                                         std::vector<Credential> credentials) = 0;
  // Removes the account and every map and log entry of its owner, in one transaction. not_found: no
  // such account; nothing is removed then.
  virtual Task<Result<>> erase(std::string host, std::string username) = 0;
  // Usernames of a host in byte order, after `after`, at most `limit`.
  virtual Task<Result<std::vector<std::string>>> list(std::string host, std::string after,
                                                      std::uint32_t limit) = 0;
  virtual Task<Result<std::uint64_t>> count(std::string host) = 0;
};

struct Entry {
  std::string key;
  std::string value;
};

// One write to a Map: a value, or nullopt to erase the key.
struct Change {
  std::string map;
  std::string key;
  std::optional<std::string> value;
  bool if_absent = false;  // leaves a value that is there as it is; never erases
};

class Maps {
 public:
  virtual ~Maps() = default;
  // nullopt if there is no such key.
  virtual Task<Result<std::optional<std::string>>> get(std::string owner, std::string map,
                                                       std::string key) = 0;
  // All entries of one owner's map, in byte order of the keys.
  virtual Task<Result<std::vector<Entry>>> scan(std::string owner, std::string map) = 0;
  // All changes or none, all of one owner, in their order. Erasing what is not there is no error.
  // not_found: the lease of the fence is not held under its term (any more); nothing is written.
  virtual Task<Result<>> apply(std::string owner, std::vector<Change> changes,
                               std::optional<Fence> fence = std::nullopt) = 0;
};

// One entry of a log.
struct LogEntry {
  // Orders the log and names the entry. Chosen by the writer: from 1 to 2^63 - 2, unique in the
  // owner's log, and best given in rising order.
  std::uint64_t id = 0;
  // Who the entry is about, split as readers ask for it: an indexed key and a detail below it.
  // (An archive: the other side's bare JID, and its resource.)
  std::string peer;
  std::string detail;
  std::string value;
};

// Which entries of a log: all conditions must hold.
struct LogFilter {
  static constexpr std::uint64_t kNoLimit = (std::uint64_t{1} << 63) - 1;
  std::uint64_t after = 0;            // id > after
  std::uint64_t before = kNoLimit;    // id < before
  std::optional<std::string> peer;    // exactly this one
  std::optional<std::string> detail;  // exactly this one; only together with peer
};

struct LogPage {
  std::vector<LogEntry> entries;  // in rising order of id, whichever end they were taken from
  bool complete = false;          // nothing else passes the filter
};

class Logs {
 public:
  virtual ~Logs() = default;
  // exists: the owner's log has an entry with this id already.
  virtual Task<Result<>> append(std::string owner, std::string log, LogEntry entry) = 0;
  // At most `limit` of what passes the filter, from its older or its newer end.
  virtual Task<Result<LogPage>> read(std::string owner, std::string log, LogFilter filter,
                                     std::uint32_t limit, bool newest) = 0;
  // How many entries pass the filter; the counting stops at `limit`.
  virtual Task<Result<std::uint64_t>> count(std::string owner, std::string log, LogFilter filter,
                                            std::uint64_t limit = LogFilter::kNoLimit) = 0;
  // Removes what passes the filter; the number of entries that were removed.
  virtual Task<Result<std::uint64_t>> trim(std::string owner, std::string log,
                                           LogFilter filter) = 0;
};

// Counters since the start.
struct Stats {
  std::uint64_t writes = 0;   // acknowledged
  std::uint64_t commits = 0;  // that made them durable; writes / commits is what group commit saves
  std::uint64_t unavailable = 0;  // writes that failed because the engine could not serve
};

// What a backup holds.
struct Backup {
  std::uint64_t bytes = 0;
  std::uint64_t accounts = 0;
  std::uint64_t map_entries = 0;
  std::uint64_t log_entries = 0;
};

// Bytes in memory.
struct StoreMemory {
  std::uint64_t caches = 0;  // and what else the engine has for itself
  std::uint64_t writes = 0;  // what waits to be durable, by its texts
};

class Store {
 public:
  virtual ~Store() = default;
  virtual Accounts& accounts() = 0;
  virtual Maps& maps() = 0;
  virtual Logs& logs() = 0;
  // nullptr if only one node can use this store.
  virtual Members* members() { return nullptr; }

  // Copies all there is at one moment into the new file `path` (mode 0600), while calls go on. It
  // has its name only once it is complete, checked and on disk. May take minutes. exists: there is
  // such a file; unavailable: a file cannot be read or written, the database is damaged, or
  // cancel_backups(); invalid: this backend has no backups.
  virtual Task<Result<Backup>> backup(std::string path) {
    co_return fail(Errc::invalid, "this store has no backups: " + path);
  }
  // For the end of the process: backups fail from now on, those under way soon. Thread-safe.
  virtual void cancel_backups() {}
  [[nodiscard]] virtual Stats stats() const { return {}; }
  // Any thread.
  [[nodiscard]] virtual StoreMemory memory() const { return {}; }
  // True while so many writes wait that whoever causes more should be read no further: long before
  // writes are refused. Any thread.
  [[nodiscard]] virtual bool crowded() const { return false; }
  // How late it is: the longest that a write took to become durable since this was last asked, or
  // what the oldest that waits has taken until now, if that is longer. The time in which the engine
  // cannot be reached does not count: it is not busy then. For one who asks, on any thread.
  virtual std::chrono::nanoseconds take_lag() { return std::chrono::nanoseconds(0); }
};

}  // namespace starling::store
