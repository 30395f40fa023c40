#include "store/memory.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <tuple>

#include "store/account_rules.h"
#include "store/memory_later.h"
#include "store/memory_members.h"

namespace starling::store {

namespace {

struct State {
  std::mutex mutex;
  std::map<std::pair<std::string, std::string>, Account> accounts;  // (host, username)
  std::map<std::tuple<std::string, std::string, std::string>, std::string> entries;
  std::map<std::pair<std::string, std::string>, std::map<std::uint64_t, LogEntry>> logs;
  Stats stats;

  // Called with the mutex held, at the end of each write.
  Result<> written(Result<> result) {
    if (result) ++stats.writes, ++stats.commits;
    return result;
  }
};

class MemoryAccounts final : public Accounts {
 public:
  explicit MemoryAccounts(State& state) : state_(state) {}

  Task<Result<>> create(Account account) override {
    Result<> result = create_now(std::move(account));
    co_return co_await later(std::move(result));
  }

  Task<Result<Account>> find(std::string host, std::string username) override {
    Result<Account> result = find_now(host, username);
    co_return co_await later(std::move(result));
  }

  Task<Result<>> set_credentials(std::string host, std::string username,
                                 std::vector<Credential> credentials) override {
    Result<> result = set_now(host, username, std::move(credentials));
    co_return co_await later(std::move(result));
  }

  Task<Result<>> erase(std::string host, std::string username) override {
    Result<> result = erase_now(host, username);
    co_return co_await later(std::move(result));
  }

  Task<Result<std::vector<std::string>>> list(std::string host, std::string after,
                                              std::uint32_t limit) override {
    Result<std::vector<std::string>> result = list_now(host, after, limit);
    co_return co_await later(std::move(result));
  }

  Task<Result<std::uint64_t>> count(std::string host) override {
    Result<std::uint64_t> result = count_now(host);
    co_return co_await later(std::move(result));
  }

 private:
  Result<> create_now(Account account) {
    if (auto sorted = sort_credentials(account.credentials); !sorted) return sorted;
    std::lock_guard lock(state_.mutex);
    auto key = std::pair{account.host, account.username};
    if (!state_.accounts.try_emplace(std::move(key), account).second) {
      return std::unexpected(account_exists(account));
    }
    return state_.written({});
  }

  Result<Account> find_now(const std::string& host, const std::string& username) {
    std::lock_guard lock(state_.mutex);
    const auto it = state_.accounts.find({host, username});
    if (it == state_.accounts.end()) return std::unexpected(no_account(host, username));
    return it->second;
  }

  Result<> set_now(const std::string& host, const std::string& username,
                   std::vector<Credential> credentials) {
    if (auto sorted = sort_credentials(credentials); !sorted) return sorted;
    std::lock_guard lock(state_.mutex);
    const auto it = state_.accounts.find({host, username});
    if (it == state_.accounts.end()) return std::unexpected(no_account(host, username));
    it->second.credentials = std::move(credentials);
    return state_.written({});
  }

  Result<> erase_now(const std::string& host, const std::string& username) {
    std::lock_guard lock(state_.mutex);
    if (state_.accounts.erase({host, username}) == 0) {
      return std::unexpected(no_account(host, username));
    }
    const std::string owner = username + "@" + host;
    auto it = state_.entries.lower_bound({owner, "", ""});
    while (it != state_.entries.end() && std::get<0>(it->first) == owner) {
      it = state_.entries.erase(it);
    }
    std::erase_if(state_.logs, [&](const auto& log) { return log.first.first == owner; });
    return state_.written({});
  }

  std::vector<std::string> list_now(const std::string& host, const std::string& after,
                                    std::uint32_t limit) {
    std::lock_guard lock(state_.mutex);
    std::vector<std::string> names;
    auto it = state_.accounts.upper_bound({host, after});
    for (; it != state_.accounts.end() && it->first.first == host && names.size() < limit; ++it) {
      names.push_back(it->first.second);
    }
    return names;
  }

  std::uint64_t count_now(const std::string& host) {
    std::lock_guard lock(state_.mutex);
    return static_cast<std::uint64_t>(std::ranges::count_if(
        state_.accounts, [&host](const auto& account) { return account.first.first == host; }));
  }

  State& state_;
};

class MemoryMaps final : public Maps {
 public:
  MemoryMaps(State& state, MemberTable& members) : state_(state), members_(members) {}

  Task<Result<std::optional<std::string>>> get(std::string owner, std::string map,
                                               std::string key) override {
    Result<std::optional<std::string>> result;
    {
      std::lock_guard lock(state_.mutex);
      const auto it = state_.entries.find({owner, map, key});
      if (it != state_.entries.end()) result = it->second;
    }
    co_return co_await later(std::move(result));
  }

  Task<Result<std::vector<Entry>>> scan(std::string owner, std::string map) override {
    Result<std::vector<Entry>> result;
    {
      std::lock_guard lock(state_.mutex);
      for (auto it = state_.entries.lower_bound({owner, map, ""}); it != state_.entries.end();
           ++it) {
        const auto& [entry_owner, entry_map, key] = it->first;
        if (entry_owner != owner || entry_map != map) break;
        result->push_back({key, it->second});
      }
    }
    co_return co_await later(std::move(result));
  }

  Task<Result<>> apply(std::string owner, std::vector<Change> changes,
                       std::optional<Fence> fence) override {
    Result<> result;
    const auto apply = [&] { result = apply_now(owner, std::move(changes)); };
    if (!fence) {
      apply();
    } else if (!members_.while_held(*fence, apply)) {
      result = fail(Errc::not_found, not_held(*fence));
    }
    co_return co_await later(std::move(result));
  }

 private:
  Result<> apply_now(const std::string& owner, std::vector<Change> changes) {
    std::lock_guard lock(state_.mutex);
    for (auto& change : changes) {
      const auto key = std::tuple{owner, change.map, change.key};
      if (!change.value) {
        if (!change.if_absent) state_.entries.erase(key);
      } else if (change.if_absent) {
        state_.entries.try_emplace(key, std::move(*change.value));
      } else {
        state_.entries.insert_or_assign(key, std::move(*change.value));
      }
    }
    return state_.written({});
  }

  State& state_;
  MemberTable& members_;
};

class MemoryLogs final : public Logs {
 public:
  explicit MemoryLogs(State& state) : state_(state) {}

  Task<Result<>> append(std::string owner, std::string log, LogEntry entry) override {
    Result<> result;
    {
      std::lock_guard lock(state_.mutex);
      const std::uint64_t id = entry.id;
      auto& entries = state_.logs[{owner, log}];
      const bool fresh = entries.try_emplace(id, std::move(entry)).second;
      if (!fresh) result = fail(Errc::exists, "the log has an entry with this id already");
      result = state_.written(std::move(result));
    }
    co_return co_await later(std::move(result));
  }

  Task<Result<LogPage>> read(std::string owner, std::string log, LogFilter filter,
                             std::uint32_t limit, bool newest) override {
    Result<LogPage> result;
    result->entries = matching(owner, log, filter);
    auto& entries = result->entries;
    result->complete = entries.size() <= limit;
    if (!result->complete) {
      const auto surplus = static_cast<std::ptrdiff_t>(entries.size() - limit);
      entries.erase(newest ? entries.begin() : entries.end() - surplus,
                    newest ? entries.begin() + surplus : entries.end());
    }
    co_return co_await later(std::move(result));
  }

  Task<Result<std::uint64_t>> count(std::string owner, std::string log, LogFilter filter,
                                    std::uint64_t limit) override {
    Result<std::uint64_t> result =
        std::min<std::uint64_t>(matching(owner, log, filter).size(), limit);
    co_return co_await later(std::move(result));
  }

  Task<Result<std::uint64_t>> trim(std::string owner, std::string log, LogFilter filter) override {
    Result<std::uint64_t> result;
    {
      std::lock_guard lock(state_.mutex);
      result = std::erase_if(state_.logs[{owner, log}],
                             [&filter](const auto& entry) { return passes(filter, entry.second); });
      state_.written({});
    }
    co_return co_await later(std::move(result));
  }

 private:
  static bool passes(const LogFilter& filter, const LogEntry& entry) {
    return entry.id > filter.after && entry.id < filter.before &&
           (!filter.peer ||
            (entry.peer == *filter.peer && (!filter.detail || entry.detail == *filter.detail)));
  }
  std::vector<LogEntry> matching(const std::string& owner, const std::string& log,
                                 const LogFilter& filter) {
    std::lock_guard lock(state_.mutex);
    std::vector<LogEntry> found;
    const auto known = state_.logs.find({owner, log});
    if (known == state_.logs.end()) return found;  // to look is not to make one
    for (const auto& [id, entry] : known->second) {
      if (passes(filter, entry)) found.push_back(entry);
    }
    return found;
  }

  State& state_;
};

}  // namespace

struct MemoryDatabase::Shared {
  State state;
  MemberTable members;
};

class MemoryStore final : public Store {
 public:
  explicit MemoryStore(std::shared_ptr<MemoryDatabase::Shared> shared)
      : shared_(std::move(shared)) {}

  Accounts& accounts() override { return accounts_; }
  Maps& maps() override { return maps_; }
  Logs& logs() override { return logs_; }
  Members* members() override { return &members_; }
  [[nodiscard]] Stats stats() const override {
    std::lock_guard lock(shared_->state.mutex);
    return shared_->state.stats;
  }

 private:
  const std::shared_ptr<MemoryDatabase::Shared> shared_;
  MemoryAccounts accounts_{shared_->state};
  MemoryMaps maps_{shared_->state, shared_->members};
  MemoryLogs logs_{shared_->state};
  MemoryMembers members_{shared_->members};
};

MemoryDatabase::MemoryDatabase() : shared_(std::make_shared<Shared>()) {}

std::unique_ptr<Store> MemoryDatabase::open() {
  return std::make_unique<MemoryStore>(shared_);
}

std::unique_ptr<Store> open_memory() {
  return MemoryDatabase().open();
}

}  // namespace starling::store
