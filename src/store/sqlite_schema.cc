#include "store/sqlite_schema.h"

#include <array>
#include <string>

#include "base/log.h"

namespace starling::store::sqlite {

namespace {

constexpr std::int64_t kApplicationId = 0x53746c67;  // "Stlg"

// Append only: a step that has been released is never edited.
constexpr auto kMigrations = std::to_array<const char*>({
    // 1: accounts and maps
    R"(CREATE TABLE account (
         host          TEXT NOT NULL,
         username      TEXT NOT NULL,
         created_at_us INTEGER NOT NULL,
         PRIMARY KEY (host, username)
       ) STRICT, WITHOUT ROWID;
       CREATE TABLE credential (
         host       TEXT NOT NULL,
         username   TEXT NOT NULL,
         mechanism  TEXT NOT NULL,
         salt       BLOB NOT NULL,
         iterations INTEGER NOT NULL,
         stored_key BLOB NOT NULL,
         server_key BLOB NOT NULL,
         PRIMARY KEY (host, username, mechanism)
       ) STRICT, WITHOUT ROWID;
       CREATE TABLE map_entry (
         owner TEXT NOT NULL,
         map   TEXT NOT NULL,
         key   TEXT NOT NULL,
         value BLOB NOT NULL,
         PRIMARY KEY (owner, map, key)
       ) STRICT, WITHOUT ROWID;)",
    // 2: logs. An owner's entries lie together, so that a page of an archive is read in one place.
    // `detail` comes last in the index, only to be tested there: a page by a rare detail walks the
    // index of its peer (0.1 us an entry) instead of looking every entry up (13 us). An index of
    // its own by detail would need no walk, but makes a third page to be written with each append
    // where there are two (40 % more), for a question that few clients ask.
    R"(CREATE TABLE log_entry (
         owner  TEXT NOT NULL,
         log    TEXT NOT NULL,
         id     INTEGER NOT NULL,
         peer   TEXT NOT NULL,
         detail TEXT NOT NULL,
         value  BLOB NOT NULL,
         PRIMARY KEY (owner, log, id)
       ) STRICT, WITHOUT ROWID;
       CREATE INDEX log_entry_by_peer ON log_entry (owner, log, peer, id, detail);)",
});

// A new, empty file may become ours; anything else must be marked as such.
Result<> check_ours(Connection& db) {
  const auto id = db.number("PRAGMA application_id");
  if (!id) return std::unexpected(id.error());
  if (*id == kApplicationId) return {};
  const auto objects = db.number("SELECT count(*) FROM sqlite_schema");
  if (!objects) return std::unexpected(objects.error());
  if (*id == 0 && *objects == 0) return {};
  return fail(Errc::invalid,
              db.path() + " is a database of another program; move it away or name another file");
}

// How many of `steps` the database has seen.
Result<std::size_t> version_of(Connection& db, std::span<const char* const> steps) {
  if (auto ours = check_ours(db); !ours) return std::unexpected(ours.error());
  const auto version = db.number("PRAGMA user_version");
  if (!version) return std::unexpected(version.error());
  if (*version < 0 || static_cast<std::size_t>(*version) > steps.size()) {
    return fail(Errc::invalid, db.path() + " has schema version " + std::to_string(*version) +
                                   ", newer than this program's " + std::to_string(steps.size()) +
                                   "; start a newer Starling, or restore a backup of before");
  }
  return static_cast<std::size_t>(*version);
}

Result<> apply(Connection& db, const char* step, std::size_t version) {
  std::string sql = "BEGIN IMMEDIATE;";
  sql.append(step);
  sql.append(";PRAGMA application_id = ").append(std::to_string(kApplicationId));
  sql.append(";PRAGMA user_version = ").append(std::to_string(version));
  sql.append(";COMMIT");
  auto done = db.script(sql);
  if (!done) db.roll_back();
  return done;
}

}  // namespace

std::span<const char* const> migrations() {
  return kMigrations;
}

Result<> check_schema(Connection& db) {
  const auto version = version_of(db, migrations());
  if (!version) return std::unexpected(version.error());
  if (*version == 0) return fail(Errc::invalid, db.path() + " is no database of a Starling");
  return {};
}

Result<> migrate(Connection& db, std::span<const char* const> steps) {
  const auto version = version_of(db, steps);
  if (!version) return std::unexpected(version.error());
  for (std::size_t next = *version; next < steps.size(); ++next) {
    if (auto done = apply(db, steps[next], next + 1); !done) return done;
    log::info("store_migrated", {{"file", db.path()}, {"version", next + 1}});
  }
  return {};
}

}  // namespace starling::store::sqlite
