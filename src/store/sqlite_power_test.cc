// What a power cut leaves of acknowledged writes, whichever moment it comes at.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <random>
#include <set>

#include "store/sqlite.h"
#include "store/sqlite_db.h"
#include "store/test_power_vfs.h"
#include "store/test_support.h"

namespace starling::store {
namespace {

const std::string kOwner = "alice@example.org";

// What a run has asked for, and what of it was acknowledged.
struct Ledger {
  std::set<std::string> accounts_asked, accounts;
  std::set<std::uint64_t> entries_asked, entries;
  int pair_asked = 0, pair = 0;
};

std::string entry_value(std::uint64_t id) {
  return std::string(100 + id * 700 % 5000, static_cast<char>('a' + id % 26));  // some span pages
}

// Two keys that always change together, the second one over several pages.
std::vector<Change> pair_of(int number) {
  const auto text = std::to_string(number);
  return {{"pair", "one", text}, {"pair", "two", text + ":" + std::string(9000, 'x')}};
}

class SqlitePower : public ::testing::Test {
 protected:
  template <class T>
  T wait(Task<T> task) {
    return store::wait(loop_, std::move(task));
  }
  static SqliteOptions options() {
    SqliteOptions options;
    options.vfs = PowerDisk::kName;
    options.checkpoint_pages = 6;  // so that the log is worked in, and begun anew, all the time
    return options;
  }
  std::string new_folder(const std::string& name) {
    std::filesystem::create_directory(folder_ / name);
    return folder_ / name;
  }

  void create(Store& store, const std::string& username, Ledger& ledger) {
    ledger.accounts_asked.insert(username);
    Account account{username, "example.org", 1, {{"A", "salt"}, {"B", "salt"}}};
    if (wait(store.accounts().create(std::move(account)))) ledger.accounts.insert(username);
  }
  void change_pair(Store& store, Ledger& ledger) {
    auto changes = pair_of(++ledger.pair_asked);
    if (wait(store.maps().apply(kOwner, std::move(changes)))) ledger.pair = ledger.pair_asked;
  }
  // Several at once, as clients that know nothing of each other do.
  void append(Store& store, std::uint64_t first, std::uint64_t count, Ledger& ledger) {
    std::vector<std::optional<Result<>>> done(count);
    Gate gate;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t id = first + i;
      ledger.entries_asked.insert(id);
      LogEntry entry{id, "bob@" + std::to_string(id % 3), "phone", entry_value(id)};
      gate.spawn(collect(store.logs().append(kOwner, "archive", std::move(entry)), done[i]));
    }
    pump_until_empty(loop_, gate);
    for (std::uint64_t i = 0; i < count; ++i) {
      if (done[i]->has_value()) ledger.entries.insert(first + i);
    }
  }
  // A node's life: it starts, works, stops in order, starts and works again.
  Ledger live(const std::string& folder) {
    Ledger ledger;
    for (std::uint64_t start = 0; start < 2; ++start) {
      auto store = open_sqlite(folder + "/starling.db", options());
      if (!store) continue;
      create(**store, "user" + std::to_string(start), ledger);
      for (std::uint64_t round = 0; round < 3; ++round) {
        const std::uint64_t first = 1 + start * 100 + round * 10;
        append(**store, first, 1, ledger);
        change_pair(**store, ledger);
        append(**store, first + 1, 4, ledger);
      }
    }
    return ledger;
  }

  // What is wrong with what is left, if anything.
  std::string judge(const std::string& folder, const Ledger& ledger) {
    PowerDisk disk({});
    const std::string path = folder + "/starling.db";
    auto store = open_sqlite(path, options());
    if (!store) return store.error().message;
    std::string wrong = judge_accounts(**store, ledger);
    wrong += judge_entries(**store, ledger);
    wrong += judge_pair(**store, ledger);
    store->reset();
    auto db = sqlite::Connection::open(path, options());
    if (!db) return wrong + db.error().message;
    sqlite::Query check(*db, "PRAGMA integrity_check");
    if (!check.next() || check.text(0) != "ok") wrong += "damaged; ";
    return wrong;
  }
  std::string judge_accounts(Store& store, const Ledger& ledger) {
    std::string wrong;
    for (const auto& username : ledger.accounts_asked) {
      const auto found = wait(store.accounts().find("example.org", username));
      if (found ? found->credentials.size() != 2
                : found.error().code != Errc::not_found || ledger.accounts.contains(username)) {
        wrong += "account " + username + "; ";
      }
    }
    return wrong;
  }
  std::string judge_entries(Store& store, const Ledger& ledger) {
    std::string wrong;
    const auto page = wait(store.logs().read(kOwner, "archive", {}, 1000, false));
    if (!page) return page.error().message;
    std::multiset<std::uint64_t> ids;
    std::size_t by_peer = 0;
    for (const auto& entry : page->entries) {
      ids.insert(entry.id);
      if (entry.value != entry_value(entry.id)) wrong += "value " + std::to_string(entry.id) + "; ";
    }
    for (const auto& id : ledger.entries) {
      if (ids.count(id) != 1) wrong += "entry " + std::to_string(id) + "; ";
    }
    if (!std::ranges::includes(ledger.entries_asked, ids)) wrong += "entries of nobody; ";
    for (const std::string peer : {"bob@0", "bob@1", "bob@2"}) {
      LogFilter filter{.peer = peer};
      by_peer += wait(store.logs().count(kOwner, "archive", std::move(filter))).value_or(0);
    }
    if (by_peer != ids.size()) wrong += "index of peers; ";
    return wrong;
  }
  std::string judge_pair(Store& store, const Ledger& ledger) {
    const auto pair = wait(store.maps().scan(kOwner, "pair"));
    if (!pair) return pair.error().message;
    const int number = pair->empty() ? 0 : std::stoi(pair->front().value);
    if (number < ledger.pair || number > ledger.pair_asked) return "pair is old; ";
    if (number == 0) return "";
    const auto whole = pair_of(number);
    const bool is_whole = pair->size() == 2 && pair->at(1).value == whole[1].value;
    return is_whole ? "" : "half a pair; ";
  }

  TemporaryFolder folder_;
  ManualLoop loop_;
};

// What becomes of what was not synced: with 0 all of it is lost, else a part.
std::function<bool()> by_chance(std::uint64_t seed) {
  if (seed == 0) return [] { return false; };
  return [random = std::mt19937_64(seed)]() mutable { return random() % 2 == 0; };
}

constexpr std::array<unsigned, 3> kSeeds = {0, 1, 2};

TEST_F(SqlitePower, CutAtAnyMoment_AcknowledgedWritesAreThereAndNothingIsHalf) {
  std::uint64_t n = 0;
  bool gone = true;
  while (gone) {
    ++n;
    ASSERT_LT(n, 5000u);
    const auto before = new_folder("before");
    Ledger ledger;
    {
      PowerDisk disk({.power_goes_at = n});
      ledger = live(before);
      gone = disk.power_is_gone();
      for (const unsigned seed : kSeeds) {
        disk.survivors(new_folder(std::to_string(seed)), by_chance(seed * n));
      }
    }
    for (const unsigned seed : kSeeds) {
      EXPECT_EQ(judge(folder_ / std::to_string(seed), ledger), "")
          << "power gone at operation " << n << ", seed " << seed * n;
      std::filesystem::remove_all(folder_ / std::to_string(seed));
    }
    std::filesystem::remove_all(before);
  }
  EXPECT_GT(n, 100u) << "the power cuts did not reach SQLite";
}

// The test above must be able to fail.
TEST_F(SqlitePower, WithoutSyncs_AcknowledgedWritesAreLost) {
  int damaged = 0;
  for (std::uint64_t n = 50; n <= 250; n += 50) {
    const auto before = new_folder("before");
    const auto after = new_folder("after");
    Ledger ledger;
    {
      PowerDisk disk({.power_goes_at = n, .syncs_are_lost = true});
      ledger = live(before);
      disk.survivors(after, by_chance(0));
    }
    if (!judge(after, ledger).empty()) ++damaged;
    std::filesystem::remove_all(before);
    std::filesystem::remove_all(after);
  }
  EXPECT_GE(damaged, 4);
}

}  // namespace
}  // namespace starling::store
