#include <map>
#include <string>
#include <utility>

#include "store/postgres_shapes.h"

namespace starling::store::postgres {

namespace {

// What the changes of one key come to.
struct Outcome {
  const std::string* value = nullptr;  // nullptr: it is erased
  bool if_absent = false;
};
using Outcomes = std::map<std::pair<std::string_view, std::string_view>, Outcome>;

// One for each key: the statement takes no key twice.
Outcomes outcomes(const std::vector<Change>& changes) {
  Outcomes all;
  for (const Change& change : changes) {
    const std::pair<std::string_view, std::string_view> name{change.map, change.key};
    const std::string* value = change.value ? &*change.value : nullptr;
    if (!change.if_absent) {
      all[name] = {value};
      continue;
    }
    if (value == nullptr) continue;
    const auto [known, first] = all.try_emplace(name, Outcome{value, true});
    // After one that erases it is known to be absent; after any other it is there.
    if (!first && known->second.value == nullptr) known->second.value = value;
  }
  return all;
}

struct Columns {
  std::vector<std::string_view> maps;
  std::vector<std::string_view> keys;
  std::vector<std::string_view> values;
};

}  // namespace

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

Task<Result<>> PostgresMaps::apply(std::string owner, std::vector<Change> changes,
                                   std::optional<Fence> fence) {
  // What an index takes; addresses and names are far shorter.
  constexpr std::size_t kMaxKeyBytes = 2'600;
  for (const Change& change : changes) {
    if (owner.size() + change.map.size() + change.key.size() <= kMaxKeyBytes) continue;
    co_return fail(Errc::invalid, "a key of " + std::to_string(change.key.size()) +
                                      " bytes is longer than the database takes");
  }
  Columns erased;
  Columns set;
  Columns added;
  for (const auto& [name, outcome] : outcomes(changes)) {
    Columns& to = outcome.value == nullptr ? erased : outcome.if_absent ? added : set;
    to.maps.push_back(name.first);
    to.keys.push_back(name.second);
    if (outcome.value != nullptr) to.values.push_back(*outcome.value);
  }
  Query query{fence ? &kApplyFenced : &kApplyChanges, {}};
  query.values.text(owner).texts(erased.maps).texts(erased.keys);
  query.values.texts(set.maps).texts(set.keys).byteas(set.values);
  query.values.texts(added.maps).texts(added.keys).byteas(added.values);
  if (fence) query.values.text(fence->lease).bigint(fence->term);
  const auto done = co_await engine_.write(std::move(query));
  if (!done) co_return std::unexpected(done.error());
  if (fence && done->number(0, 0) == 0) co_return fail(Errc::not_found, not_held(*fence));
  co_return Result<>();
}

}  // namespace starling::store::postgres
