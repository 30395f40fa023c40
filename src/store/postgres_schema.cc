#include "store/postgres_schema.h"

#include <array>
#include <string>

#include "base/log.h"

namespace starling::store::postgres {

namespace {

// Append only: a step that has been released is never edited.
//
// Text compares by bytes (COLLATE "C"), as every shape promises. Every primary key begins with the
// owner (or host), so the tables shard by it; but those of the nodes and their leases, which are
// few.
constexpr auto kMigrations = std::to_array<Migration>({
    // 1: accounts, maps and logs; as the SQLite backend has them. `detail` is in the index only to
    // be tested there, see sqlite_schema.cc. Hashes, since two long addresses are more than the
    // 2.7 KB that an index takes.
    {R"(CREATE TABLE account (
          host          text COLLATE "C" NOT NULL,
          username      text COLLATE "C" NOT NULL,
          created_at_us bigint NOT NULL,
          PRIMARY KEY (host, username)
        );
        CREATE TABLE credential (
          host       text COLLATE "C" NOT NULL,
          username   text COLLATE "C" NOT NULL,
          mechanism  text COLLATE "C" NOT NULL,
          salt       bytea NOT NULL,
          iterations integer NOT NULL,
          stored_key bytea NOT NULL,
          server_key bytea NOT NULL,
          PRIMARY KEY (host, username, mechanism),
          FOREIGN KEY (host, username) REFERENCES account ON DELETE CASCADE
        );
        CREATE TABLE map_entry (
          owner text COLLATE "C" NOT NULL,
          map   text COLLATE "C" NOT NULL,
          key   text COLLATE "C" NOT NULL,
          value bytea NOT NULL,
          PRIMARY KEY (owner, map, key)
        );
        CREATE TABLE log_entry (
          owner  text COLLATE "C" NOT NULL,
          log    text COLLATE "C" NOT NULL,
          id     bigint NOT NULL,
          peer   text COLLATE "C" NOT NULL,
          detail text COLLATE "C" NOT NULL,
          value  bytea NOT NULL,
          PRIMARY KEY (owner, log, id)
        );
        CREATE INDEX log_entry_by_peer ON log_entry
          (owner, log, hashtextextended(peer, 0), id, hashtextextended(detail, 0));)"},
    // 2: the nodes that share the database
    {R"(CREATE SEQUENCE node_epoch;
        CREATE TABLE node (
          epoch      bigint PRIMARY KEY,
          slot       smallint NOT NULL UNIQUE,
          state      text NOT NULL,
          address    text NOT NULL,
          name       text NOT NULL,
          version    text NOT NULL,
          format     bigint NOT NULL,
          joined_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
          renewed_at timestamptz NOT NULL DEFAULT clock_timestamp()
        );)"},
    // 3: what one of them does for all
    {R"(CREATE SEQUENCE lease_term;
        CREATE TABLE lease (
          name   text COLLATE "C" PRIMARY KEY,
          holder bigint NOT NULL REFERENCES node ON DELETE CASCADE,
          term   bigint NOT NULL
        );
        CREATE INDEX lease_by_holder ON lease (holder);)"},
});

// Held while migrating; any number that no other program on the database is likely to use.
constexpr const char* kLock = "SELECT pg_advisory_xact_lock(6013249012371)";

Result<> check_encoding(Connection& connection) {
  auto encoding = connection.script("SHOW server_encoding");
  if (!encoding) return std::unexpected(encoding.error());
  const std::string name = encoding->text(0, 0);
  if (name == "UTF8") return {};
  return fail(Errc::invalid, "the database is in " + name +
                                 "; create one with ENCODING 'UTF8', as all text here is Unicode");
}

// The next of the steps that the database has not seen, if there is one.
Result<> one_step(Connection& connection, std::span<const Migration> steps, bool& more) {
  more = false;
  // Asked first, so that a node needs no right to create anything where nothing is to be created.
  auto there = connection.script("SELECT to_regclass('starling.migration') IS NOT NULL");
  if (!there) return std::unexpected(there.error());
  if (there->text(0, 0) != "t") {
    auto made = connection.script(
        "CREATE SCHEMA IF NOT EXISTS starling;"
        "CREATE TABLE starling.migration ("
        " version integer PRIMARY KEY,"
        " ends_compatibility boolean NOT NULL,"
        " run_at timestamptz NOT NULL DEFAULT now())");
    if (!made) return std::unexpected(made.error());
  }
  if (auto set = connection.script("SET LOCAL search_path TO starling"); !set) {
    return std::unexpected(set.error());
  }
  auto seen = connection.script(
      "SELECT coalesce(max(version), 0),"
      " coalesce(max(version) FILTER (WHERE ends_compatibility), 0) FROM migration");
  if (!seen) return std::unexpected(seen.error());
  const auto version = std::stoull(seen->text(0, 0));
  const auto needed = std::stoull(seen->text(0, 1));
  if (needed > steps.size()) {
    return fail(Errc::invalid, "the database has schema version " + std::to_string(version) +
                                   ", and this program knows those up to " +
                                   std::to_string(steps.size()) + "; start a newer Starling");
  }
  if (version >= steps.size()) return {};
  const Migration& step = steps[version];
  if (auto done = connection.script(step.sql); !done) return std::unexpected(done.error());
  const std::string next = std::to_string(version + 1);
  auto counted = connection.script("INSERT INTO migration (version, ends_compatibility) VALUES (" +
                                   next + (step.ends_compatibility ? ", true)" : ", false)"));
  if (!counted) return std::unexpected(counted.error());
  log::info("store_migrated", {{"database", connection.name()}, {"version", version + 1}});
  more = version + 1 < steps.size();
  return {};
}

}  // namespace

std::span<const Migration> migrations() {
  return kMigrations;
}

Result<> alone(Connection& connection, const std::function<Result<>()>& work) {
  if (auto begun = connection.script("BEGIN"); !begun) return std::unexpected(begun.error());
  const auto locked = connection.script(kLock);
  const Result<> done = locked ? work() : Result<>(std::unexpected(locked.error()));
  if (!done) {
    static_cast<void>(connection.script("ROLLBACK"));
    return done;
  }
  if (auto ended = connection.script("COMMIT"); !ended) return std::unexpected(ended.error());
  return {};
}

Result<> migrate(Connection& connection, std::span<const Migration> steps) {
  if (auto right = check_encoding(connection); !right) return right;
  for (bool more = true; more;) {
    auto done = alone(connection, [&] { return one_step(connection, steps, more); });
    if (!done) return done;
  }
  return {};
}

Result<> check_complete(Connection& connection) {
  const auto mark = connection.script("SELECT to_regclass('starling.migrating') IS NULL");
  if (!mark) return std::unexpected(mark.error());
  if (mark->text(0, 0) == "t") return {};
  return fail(Errc::invalid,
              "the migration into it is not complete; run it again: "
              "starlingctl migrate_store");
}

}  // namespace starling::store::postgres
