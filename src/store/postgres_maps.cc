#include <map>
#include <string>
#include <utility>

#include "store/postgres_shapes.h"

namespace starling::store::postgres {

Task<Result<std::optional<std::string>>> PostgresMaps::get(std::string owner, std::string map,
                                                           std::string key) {
  Query query{&kGetEntry, {}};
  query.values.text(owner).text(map).text(key);
  const auto rows = co_await engine_.read(std::move(query));
  if (!rows) co_return std::unexpected(rows.error());
  if (rows->count() == 0) co_return std::optional<std::string>();
  co_return rows->text(0, 0);
}

Task<Result<std::vector<Entry>>> PostgresMaps::scan(std::string owner, std::string map) {
  Query query{&kScanMap, {}};
  query.values.text(owner).text(map);
  const auto rows = co_await engine_.read(std::move(query));
  if (!rows) co_return std::unexpected(rows.error());
  std::vector<Entry> entries;
  for (int row = 0; row < rows->count(); ++row) {
    entries.push_back({rows->text(row, 0), rows->text(row, 1)});
  }
  co_return entries;
}

Task<Result<>> PostgresMaps::apply(std::string owner, std::vector<Change> changes) {
  // What an index takes; addresses and names are far shorter.
  constexpr std::size_t kMaxKeyBytes = 2'600;
  for (const Change& change : changes) {
    if (owner.size() + change.map.size() + change.key.size() <= kMaxKeyBytes) continue;
    co_return fail(Errc::invalid, "a key of " + std::to_string(change.key.size()) +
                                      " bytes is longer than the database takes");
  }
  // Of changes of one key the last one counts: the statement takes no key twice.
  std::map<std::pair<std::string_view, std::string_view>, const std::string*> last;
  for (const Change& change : changes) {
    last[{change.map, change.key}] = change.value ? &*change.value : nullptr;
  }
  std::vector<std::string_view> erased_maps;
  std::vector<std::string_view> erased_keys;
  std::vector<std::string_view> maps;
  std::vector<std::string_view> keys;
  std::vector<std::string_view> values;
  for (const auto& [name, value] : last) {
    (value != nullptr ? maps : erased_maps).push_back(name.first);
    (value != nullptr ? keys : erased_keys).push_back(name.second);
    if (value != nullptr) values.push_back(*value);
  }
  Query query{&kApplyChanges, {}};
  query.values.text(owner).texts(erased_maps).texts(erased_keys);
  query.values.texts(maps).texts(keys).byteas(values);
  const auto done = co_await engine_.write(std::move(query));
  if (!done) co_return std::unexpected(done.error());
  co_return Result<>();
}

}  // namespace starling::store::postgres
