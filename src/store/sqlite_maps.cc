#include <utility>

#include "store/sqlite_shapes.h"

namespace starling::store::sqlite {

namespace {

Result<std::optional<std::string>> get_entry(Connection& db, const std::string& owner,
                                             const std::string& map, const std::string& key) {
  Query row(db, "SELECT value FROM map_entry WHERE owner = ?1 AND map = ?2 AND key = ?3", owner,
            map, key);
  std::optional<std::string> value;
  if (row.next()) value = row.text(0);
  if (auto done = row.result(); !done) return std::unexpected(done.error());
  return value;
}

Result<std::vector<Entry>> scan_map(Connection& db, const std::string& owner,
                                    const std::string& map) {
  Query rows(db, "SELECT key, value FROM map_entry WHERE owner = ?1 AND map = ?2 ORDER BY key",
             owner, map);
  std::vector<Entry> entries;
  while (rows.next()) entries.push_back({rows.text(0), rows.text(1)});
  if (auto done = rows.result(); !done) return std::unexpected(done.error());
  return entries;
}

Result<> apply_change(Connection& db, const std::string& owner, const Change& change) {
  if (change.if_absent) {
    if (!change.value) return {};
    return db.exec(
        "INSERT INTO map_entry (owner, map, key, value) VALUES (?1, ?2, ?3, ?4)"
        " ON CONFLICT DO NOTHING",
        owner, change.map, change.key, Blob{*change.value});
  }
  if (!change.value) {
    return db.exec("DELETE FROM map_entry WHERE owner = ?1 AND map = ?2 AND key = ?3", owner,
                   change.map, change.key);
  }
  return db.exec(
      "INSERT INTO map_entry (owner, map, key, value) VALUES (?1, ?2, ?3, ?4)"
      " ON CONFLICT (owner, map, key) DO UPDATE SET value = excluded.value",
      owner, change.map, change.key, Blob{*change.value});
}

}  // namespace

Task<Result<std::optional<std::string>>> SqliteMaps::get(std::string owner, std::string map,
                                                         std::string key) {
  return readers_.read([owner = std::move(owner), map = std::move(map), key = std::move(key)](
                           Connection& db) { return get_entry(db, owner, map, key); });
}

Task<Result<std::vector<Entry>>> SqliteMaps::scan(std::string owner, std::string map) {
  return readers_.read([owner = std::move(owner), map = std::move(map)](Connection& db) {
    return scan_map(db, owner, map);
  });
}

Task<Result<>> SqliteMaps::apply(std::string owner, std::vector<Change> changes,
                                 std::optional<Fence> fence) {
  std::size_t bytes = 0;
  for (const Change& change : changes) bytes += change.value ? change.value->size() : 0;
  auto job = [owner = std::move(owner), changes = std::move(changes),
              fenced = fence.has_value()](Connection& db) -> Result<> {
    if (fenced) return fail(Errc::not_found, "one node has this database alone: no leases");
    for (const auto& change : changes) {
      if (auto done = apply_change(db, owner, change); !done) return done;
    }
    return Result<>();
  };
  return writer_.write(std::move(job), bytes);
}

}  // namespace starling::store::sqlite
