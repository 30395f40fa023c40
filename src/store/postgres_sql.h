// The SQL of the store's shapes on PostgreSQL, all of it in one place.
//
// Each call of a shape is one statement, so that it is one step for others, needs one round trip
// and can stand beside others in one transaction. What does not apply (an account that is there
// already) is no error of SQL but a count of 0: an error would take the whole transaction along.
#pragma once

#include <array>

namespace starling::store::postgres {

struct Statement {
  const char* name;  // prepared under it
  const char* sql;
};

// --- accounts; $1 host, $2 username ---

// $3 created_at_us, $4.. credentials by column. Gives how many accounts were made: 0 or 1.
inline constexpr Statement kCreateAccount{
    "create_account",
    "WITH made AS (INSERT INTO starling.account (host, username, created_at_us)"
    "  VALUES ($1::text, $2::text, $3::bigint) ON CONFLICT DO NOTHING RETURNING 1),"
    " keys AS (INSERT INTO starling.credential"
    "  (host, username, mechanism, salt, iterations, stored_key, server_key)"
    "  SELECT $1::text, $2::text, c.* FROM made,"
    "   unnest($4::text[], $5::bytea[], $6::integer[], $7::bytea[], $8::bytea[]) AS c)"
    " SELECT count(*) FROM made"};

// A row for each credential, one of NULLs if there is none.
inline constexpr Statement kFindAccount{
    "find_account",
    "SELECT a.created_at_us, c.mechanism, c.salt, c.iterations, c.stored_key, c.server_key"
    " FROM starling.account a LEFT JOIN starling.credential c USING (host, username)"
    " WHERE a.host = $1::text AND a.username = $2::text ORDER BY c.mechanism"};

// $3.. credentials by column. Gives how many accounts were found: 0 or 1.
inline constexpr Statement kSetCredentials{
    "set_credentials",
    "WITH found AS (SELECT 1 FROM starling.account"
    "  WHERE host = $1::text AND username = $2::text FOR UPDATE),"
    " gone AS (DELETE FROM starling.credential WHERE host = $1::text AND username = $2::text"
    "  AND mechanism <> ALL ($3::text[]) AND EXISTS (SELECT FROM found)),"
    " keys AS (INSERT INTO starling.credential"
    "  (host, username, mechanism, salt, iterations, stored_key, server_key)"
    "  SELECT $1::text, $2::text, c.* FROM found,"
    "   unnest($3::text[], $4::bytea[], $5::integer[], $6::bytea[], $7::bytea[]) AS c"
    "  ON CONFLICT (host, username, mechanism) DO UPDATE SET salt = excluded.salt,"
    "   iterations = excluded.iterations, stored_key = excluded.stored_key,"
    "   server_key = excluded.server_key)"
    " SELECT count(*) FROM found"};

// $3 owner. Gives how many accounts were removed: 0 or 1. Their credentials go with them.
inline constexpr Statement kEraseAccount{
    "erase_account",
    "WITH gone AS (DELETE FROM starling.account"
    "  WHERE host = $1::text AND username = $2::text RETURNING 1),"
    " maps AS (DELETE FROM starling.map_entry"
    "  WHERE owner = $3::text AND EXISTS (SELECT FROM gone)),"
    " logs AS (DELETE FROM starling.log_entry"
    "  WHERE owner = $3::text AND EXISTS (SELECT FROM gone))"
    " SELECT count(*) FROM gone"};

// $2 after which one, $3 how many.
inline constexpr Statement kListAccounts{
    "list_accounts",
    "SELECT username FROM starling.account WHERE host = $1::text AND username > $2::text"
    " ORDER BY username LIMIT $3::bigint"};

inline constexpr Statement kCountAccounts{
    "count_accounts", "SELECT count(*) FROM starling.account WHERE host = $1::text"};

// --- maps; $1 owner, $2 map ---

inline constexpr Statement kGetEntry{
    "get_entry",
    "SELECT value FROM starling.map_entry"
    " WHERE owner = $1::text AND map = $2::text AND key = $3::text"};

inline constexpr Statement kScanMap{"scan_map",
                                    "SELECT key, value FROM starling.map_entry"
                                    " WHERE owner = $1::text AND map = $2::text ORDER BY key"};

// $2, $3 maps and keys to erase; $4, $5, $6 maps, keys and values to set; $7, $8, $9 to set where
// there is none; no key twice.
inline constexpr Statement kApplyChanges{
    "apply_changes",
    "WITH gone AS (DELETE FROM starling.map_entry m"
    "  USING unnest($2::text[], $3::text[]) AS c(map, key)"
    "  WHERE m.owner = $1::text AND m.map = c.map AND m.key = c.key),"
    " added AS (INSERT INTO starling.map_entry (owner, map, key, value)"
    "  SELECT $1::text, c.* FROM unnest($7::text[], $8::text[], $9::bytea[]) AS c"
    "  ON CONFLICT DO NOTHING)"
    " INSERT INTO starling.map_entry (owner, map, key, value)"
    " SELECT $1::text, c.* FROM unnest($4::text[], $5::text[], $6::bytea[]) AS c"
    " ON CONFLICT (owner, map, key) DO UPDATE SET value = excluded.value"};

// The same while lease $10 is held under term $11: it stays so until the commit. Gives 0 if it is
// not, and 1.
inline constexpr Statement kApplyFenced{
    "apply_fenced",
    "WITH fence AS MATERIALIZED (SELECT 1 FROM starling.lease"
    "  WHERE name = $10::text AND term = $11::bigint FOR SHARE),"
    " gone AS (DELETE FROM starling.map_entry m"
    "  USING unnest($2::text[], $3::text[]) AS c(map, key)"
    "  WHERE m.owner = $1::text AND m.map = c.map AND m.key = c.key AND EXISTS (SELECT FROM "
    "fence)),"
    " added AS (INSERT INTO starling.map_entry (owner, map, key, value)"
    "  SELECT $1::text, c.* FROM unnest($7::text[], $8::text[], $9::bytea[]) AS c"
    "  WHERE EXISTS (SELECT FROM fence) ON CONFLICT DO NOTHING),"
    " put AS (INSERT INTO starling.map_entry (owner, map, key, value)"
    "  SELECT $1::text, c.* FROM unnest($4::text[], $5::text[], $6::bytea[]) AS c"
    "  WHERE EXISTS (SELECT FROM fence)"
    "  ON CONFLICT (owner, map, key) DO UPDATE SET value = excluded.value)"
    " SELECT count(*) FROM fence"};

// --- logs; $1 owner, $2 log, $3 after, $4 before, $5 peer, $6 detail ---

// Entries of any owners and logs, by column. Gives the place in the arrays, from 1, of each that
// was appended; the others are there already.
inline constexpr Statement kAppendEntries{
    "append_entries",
    "WITH given AS (SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[],"
    "  $5::text[], $6::bytea[]) WITH ORDINALITY AS e(owner, log, id, peer, detail, value, place)),"
    " added AS (INSERT INTO starling.log_entry (owner, log, id, peer, detail, value)"
    "  SELECT owner, log, id, peer, detail, value FROM given ORDER BY place"
    "  ON CONFLICT DO NOTHING RETURNING owner, log, id)"
    " SELECT min(given.place) FROM added JOIN given USING (owner, log, id)"
    " GROUP BY owner, log, id"};

// One text for each kind of filter, so that each is planned for its own index. The planner may not
// know what a parameter is, and then it must not think that one owner's log is the whole table.
#define STARLING_LOG_WHERE                                             \
  " FROM starling.log_entry WHERE owner = $1::text AND log = $2::text" \
  " AND id > $3::bigint AND id < $4::bigint"
#define STARLING_LOG_PEER \
  " AND hashtextextended(peer, 0) = hashtextextended($5::text, 0) AND peer = $5::text"
#define STARLING_LOG_DETAIL                                          \
  STARLING_LOG_PEER                                                  \
  " AND hashtextextended(detail, 0) = hashtextextended($6::text, 0)" \
  " AND detail = $6::text"
#define STARLING_LOG_PAGE "SELECT id, peer, detail, value"

// The last parameter is how many.
#define STARLING_LOG_PAGES(name, order)                                                        \
  {                                                                                            \
    {                                                                                          \
      {name, STARLING_LOG_PAGE STARLING_LOG_WHERE order " LIMIT $5::bigint"},                  \
          {name "_of_peer",                                                                    \
           STARLING_LOG_PAGE STARLING_LOG_WHERE STARLING_LOG_PEER order " LIMIT $6::bigint"},  \
          {name "_of_detail",                                                                  \
           STARLING_LOG_PAGE STARLING_LOG_WHERE STARLING_LOG_DETAIL order " LIMIT $7::bigint"} \
    }                                                                                          \
  }
inline constexpr std::array<Statement, 3> kReadOldest =
    STARLING_LOG_PAGES("read_oldest", " ORDER BY id");
inline constexpr std::array<Statement, 3> kReadNewest =
    STARLING_LOG_PAGES("read_newest", " ORDER BY id DESC");
inline constexpr std::array<Statement, 3> kCountEntries{{
    {"count_entries",
     "SELECT count(*) FROM (SELECT" STARLING_LOG_WHERE " LIMIT $5::bigint) AS counted"},
    {"count_entries_of_peer", "SELECT count(*) FROM (SELECT" STARLING_LOG_WHERE STARLING_LOG_PEER
                              " LIMIT $6::bigint) AS counted"},
    {"count_entries_of_detail",
     "SELECT count(*) FROM (SELECT" STARLING_LOG_WHERE STARLING_LOG_DETAIL
     " LIMIT $7::bigint) AS counted"},
}};
inline constexpr std::array<Statement, 3> kTrimEntries{{
    {"trim_entries", "DELETE" STARLING_LOG_WHERE},
    {"trim_entries_of_peer", "DELETE" STARLING_LOG_WHERE STARLING_LOG_PEER},
    {"trim_entries_of_detail", "DELETE" STARLING_LOG_WHERE STARLING_LOG_DETAIL},
}};

#undef STARLING_LOG_PAGES
#undef STARLING_LOG_PAGE
#undef STARLING_LOG_DETAIL
#undef STARLING_LOG_PEER
#undef STARLING_LOG_WHERE

// --- members; $1 epoch, and what a node says about itself: $2 state, $3 address, $4 name,
// $5 version, $6 format ---

// Whoever listens is told of what changed. Not of a plain renewal: there are many, and a commit
// that notifies takes a lock of the whole server.
#define STARLING_NODE_CHANNEL "starling_node"
#define STARLING_NODE_TELL "pg_notify('" STARLING_NODE_CHANNEL "', '')"
inline constexpr const char* kNodeChannel = STARLING_NODE_CHANNEL;

#define STARLING_NODE_CLOCK "clock AS (SELECT clock_timestamp() AS now)"
#define STARLING_NODE_ROW \
  "epoch, slot, state, address, name, version, format, joined_at, renewed_at"
// Of rows n: as they are read, with the time they have been silent and the time it is.
#define STARLING_NODE_READ                                                       \
  " n.epoch, n.slot::integer, n.state, n.address, n.name, n.version, n.format,"  \
  " (extract(epoch FROM n.joined_at) * 1000000)::bigint,"                        \
  " (greatest(extract(epoch FROM clock.now - n.renewed_at), 0) * 1000)::bigint," \
  " (extract(epoch FROM clock.now) * 1000000)::bigint"

inline constexpr Statement kNextEpoch{"next_epoch", "SELECT nextval('starling.node_epoch')"};

// $7 how many slots there are. Gives the row of this epoch, or NULLs if there is none; then whether
// a slot was free: 0 or 1. A free one and no row: another node was quicker to take it.
inline constexpr Statement kJoin{
    "join",
    "WITH " STARLING_NODE_CLOCK
    ", free AS (SELECT s.slot FROM generate_series(0, $7::bigint - 1) AS s(slot)"
    "  WHERE s.slot NOT IN (SELECT n.slot FROM starling.node AS n) ORDER BY s.slot LIMIT 1),"
    " added AS (INSERT INTO starling.node (epoch, slot, state, address, name, version, format)"
    "  SELECT $1::bigint, free.slot, $2::text, $3::text, $4::text, $5::text, $6::bigint FROM free"
    "  ON CONFLICT DO NOTHING RETURNING " STARLING_NODE_ROW ", " STARLING_NODE_TELL
    ")"
    " SELECT" STARLING_NODE_READ
    ", EXISTS (SELECT FROM free)::integer FROM clock LEFT JOIN"
    " (SELECT " STARLING_NODE_ROW
    " FROM added UNION ALL"
    "  SELECT " STARLING_NODE_ROW " FROM starling.node WHERE epoch = $1::bigint) AS n ON true"};

// Gives all rows; without one of this epoch there was none.
inline constexpr Statement kRenew{
    "renew",
    "WITH " STARLING_NODE_CLOCK
    ", mine AS (UPDATE starling.node AS n SET state = $2::text, address = $3::text,"
    "   name = $4::text, version = $5::text, format = $6::bigint, renewed_at = clock.now"
    "  FROM clock, starling.node AS was WHERE n.epoch = $1::bigint AND was.epoch = n.epoch"
    "  RETURNING n.*, CASE WHEN (n.state, n.address, n.name, n.version, n.format) IS DISTINCT FROM"
    "   (was.state, was.address, was.name, was.version, was.format)"
    "   THEN " STARLING_NODE_TELL
    " END)"
    " SELECT" STARLING_NODE_READ " FROM clock, (SELECT " STARLING_NODE_ROW
    " FROM mine UNION ALL"
    "  SELECT " STARLING_NODE_ROW
    " FROM starling.node WHERE epoch <> $1::bigint) AS n"
    " ORDER BY n.epoch"};

// Gives NULLs, and the time, if there are no rows.
inline constexpr Statement kReadNodes{
    "read_nodes", "WITH " STARLING_NODE_CLOCK " SELECT" STARLING_NODE_READ
                  " FROM clock LEFT JOIN starling.node AS n ON true ORDER BY n.epoch"};

// $2 milliseconds. Gives a row if it removed one.
inline constexpr Statement kRemoveDead{
    "remove_dead",
    "DELETE FROM starling.node WHERE epoch = $1::bigint"
    " AND clock_timestamp() - renewed_at >= $2::bigint * interval '1 millisecond'"
    " RETURNING " STARLING_NODE_TELL};

inline constexpr Statement kLeave{
    "leave", "DELETE FROM starling.node WHERE epoch = $1::bigint RETURNING " STARLING_NODE_TELL};

// --- leases ---

#define STARLING_LEASE_ROW "name, holder, term"

inline constexpr Statement kReadLeases{
    "read_leases", "SELECT " STARLING_LEASE_ROW " FROM starling.lease ORDER BY name"};

// $1 name, $2 holder. Gives a row: the number of members of this epoch (0 or 1), and the lease as
// it is, or NULLs: another node was quicker to take it, and that cannot be seen yet.
inline constexpr Statement kAcquire{
    "acquire",
    "WITH member AS (SELECT epoch FROM starling.node WHERE epoch = $2::bigint FOR KEY SHARE),"
    " added AS (INSERT INTO starling.lease (name, holder, term)"
    "  SELECT $1::text, epoch, nextval('starling.lease_term') FROM member"
    "  ON CONFLICT DO NOTHING RETURNING " STARLING_LEASE_ROW ", " STARLING_NODE_TELL
    ")"
    " SELECT (SELECT count(*) FROM member), l.* FROM (SELECT) AS one LEFT JOIN"
    " (SELECT " STARLING_LEASE_ROW
    " FROM added UNION ALL"
    "  SELECT " STARLING_LEASE_ROW " FROM starling.lease WHERE name = $1::text) AS l ON true"};

// $1 name, $2 term, $3 to whom. Gives the new lease if it was held.
inline constexpr Statement kHandOver{
    "hand_over",
    "WITH member AS (SELECT epoch FROM starling.node WHERE epoch = $3::bigint FOR KEY SHARE)"
    " UPDATE starling.lease SET holder = member.epoch, term = nextval('starling.lease_term')"
    " FROM member WHERE name = $1::text AND term = $2::bigint"
    " RETURNING " STARLING_LEASE_ROW ", " STARLING_NODE_TELL};

#undef STARLING_LEASE_ROW
#undef STARLING_NODE_READ
#undef STARLING_NODE_ROW
#undef STARLING_NODE_CLOCK
#undef STARLING_NODE_TELL
#undef STARLING_NODE_CHANNEL

// What a connection prepares: for accounts, maps and logs, or for members.
inline constexpr auto kStatements = std::to_array<const Statement*>(
    {&kCreateAccount,  &kFindAccount,     &kSetCredentials,  &kEraseAccount,    &kListAccounts,
     &kCountAccounts,  &kGetEntry,        &kScanMap,         &kApplyChanges,    &kAppendEntries,
     &kReadOldest[0],  &kReadOldest[1],   &kReadOldest[2],   &kReadNewest[0],   &kReadNewest[1],
     &kReadNewest[2],  &kCountEntries[0], &kCountEntries[1], &kCountEntries[2], &kTrimEntries[0],
     &kTrimEntries[1], &kTrimEntries[2],  &kApplyFenced});
inline constexpr auto kMemberStatements =
    std::to_array<const Statement*>({&kNextEpoch, &kJoin, &kRenew, &kReadNodes, &kRemoveDead,
                                     &kLeave, &kReadLeases, &kAcquire, &kHandOver});

}  // namespace starling::store::postgres
