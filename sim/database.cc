#include "sim/database.h"

#include <algorithm>
#include <optional>

namespace starling::sim {

using store::LogEntry;
using store::LogFilter;

template <class T>
struct Database::Call {
  std::move_only_function<Task<T>()> make;
  typename Completion<T>::Resume resume;
  EventLoop* home;
  Line* line;  // nullptr: its order does not matter
};

Database::Database(Clockwork& clock) : clock_(clock), loop_(clock, {}), inner_(memory_.open()) {
  inner_->members()->on_change([this] { rows_changed(); });
}

void Database::begin_outage(Outage kind) {
  outage_ = kind;
}

void Database::end_outage() {
  outage_ = Outage::none;
  for (auto& call : std::exchange(waiting_, {})) call();
}

template <class T>
Task<T> Database::call(Line* line, std::move_only_function<Task<T>()> make) {
  EventLoop* const home = EventLoop::current();
  Completion<T> done([this, line, home, &make](auto resume) {
    auto sent = std::make_shared<Call<T>>(std::move(make), std::move(resume), home, line);
    TimePoint there = clock_.now() + clock_.random().between(least, most);
    if (line != nullptr) there = line->last_there = std::max(line->last_there, there);
    clock_.at(there, [this, sent] { arrived(sent); });
  });
  co_return co_await done;
}

template <class T>
void Database::arrived(const std::shared_ptr<Call<T>>& call) {
  if (outage_ == Outage::hangs) {
    waiting_.push_back([this, call] { arrived(call); });
    return;
  }
  if (outage_ == Outage::refuses) {
    clock_.after(clock_.random().between(least, most), [call] {
      call->home->post([call] { call->resume(fail(Errc::unavailable, "the store is not there")); });
    });
    return;
  }
  loop_.post([this, call] { gate_.spawn(execute(call)); });
}

template <class T>
Task<void> Database::execute(std::shared_ptr<Call<T>> call) {
  auto result = std::make_shared<T>(co_await call->make());
  TimePoint back = clock_.now() + clock_.random().between(least, most);
  if (call->line != nullptr) back = call->line->last_back = std::max(call->line->last_back, back);
  clock_.trace(result->has_value() ? 1 : 0);
  clock_.at(back, [call, result] {
    call->home->post([call, result] { call->resume(std::move(*result)); });
  });
}

void Database::rows_changed() {
  for (const auto& [number, watcher] : watchers_) {
    if (outage_ != Outage::none || clock_.random().chance(5)) continue;  // only a hint
    clock_.after(clock_.random().between(least, most), [this, number] {
      const auto found = watchers_.find(number);
      if (found == watchers_.end()) return;
      found->second.loop->post([this, number] {
        const auto still = watchers_.find(number);
        if (still != watchers_.end()) still->second.changed();
      });
    });
  }
}

class NodeMembers final : public store::Members {
 public:
  explicit NodeMembers(Database& database) : db_(database), watcher_(++database.last_watcher_) {}
  ~NodeMembers() override { db_.watchers_.erase(watcher_); }
  NodeMembers(const NodeMembers&) = delete;
  NodeMembers& operator=(const NodeMembers&) = delete;

  Task<Result<store::Member>> join(store::MemberFacts facts) override {
    return db_.call<Result<store::Member>>(
        &line_, [this, facts = std::move(facts)]() mutable { return in().join(std::move(facts)); });
  }
  Task<Result<store::Roll>> renew(std::uint64_t epoch, store::MemberFacts facts) override {
    return db_.call<Result<store::Roll>>(&line_, [this, epoch, facts = std::move(facts)]() mutable {
      return in().renew(epoch, std::move(facts));
    });
  }
  Task<Result<store::Roll>> read() override {
    return db_.call<Result<store::Roll>>(&line_, [this] { return in().read(); });
  }
  Task<Result<bool>> remove_dead(std::uint64_t epoch, std::chrono::milliseconds after) override {
    return db_.call<Result<bool>>(&line_,
                                  [this, epoch, after] { return in().remove_dead(epoch, after); });
  }
  Task<Result<>> leave(std::uint64_t epoch) override {
    return db_.call<Result<>>(&line_, [this, epoch] { return in().leave(epoch); });
  }
  Task<Result<std::vector<store::Lease>>> leases() override {
    return db_.call<Result<std::vector<store::Lease>>>(&line_, [this] { return in().leases(); });
  }
  Task<Result<store::Lease>> acquire(std::string name, std::uint64_t holder) override {
    return db_.call<Result<store::Lease>>(
        &line_, [this, name = std::move(name), holder] { return in().acquire(name, holder); });
  }
  Task<Result<store::Lease>> hand_over(store::Lease lease, std::uint64_t to) override {
    return db_.call<Result<store::Lease>>(
        &line_, [this, lease = std::move(lease), to] { return in().hand_over(lease, to); });
  }
  void on_change(std::function<void()> changed) override {
    if (changed) {
      db_.watchers_[watcher_] = {EventLoop::current(), std::move(changed)};
    } else {
      db_.watchers_.erase(watcher_);
    }
  }

 private:
  store::Members& in() { return *db_.inner().members(); }

  Database& db_;
  std::uint64_t watcher_;
  Database::Line line_;
};

class NodeStore final : public store::Store,
                        private store::Accounts,
                        private store::Maps,
                        private store::Logs {
 public:
  explicit NodeStore(Database& database) : db_(database), members_(database) {}

  store::Accounts& accounts() override { return *this; }
  store::Maps& maps() override { return *this; }
  store::Logs& logs() override { return *this; }
  store::Members* members() override { return &members_; }

 private:
  store::Store& in() { return db_.inner(); }

  Task<Result<>> create(store::Account account) override {
    return db_.call<Result<>>(&writes_, [this, account = std::move(account)]() mutable {
      return in().accounts().create(std::move(account));
    });
  }
  Task<Result<store::Account>> find(std::string host, std::string username) override {
    return db_.call<Result<store::Account>>(
        nullptr, [this, host = std::move(host), username = std::move(username)] {
          return in().accounts().find(host, username);
        });
  }
  Task<Result<>> set_credentials(std::string host, std::string username,
                                 std::vector<store::Credential> credentials) override {
    return db_.call<Result<>>(&writes_,
                              [this, host = std::move(host), username = std::move(username),
                               credentials = std::move(credentials)] {
                                return in().accounts().set_credentials(host, username, credentials);
                              });
  }
  Task<Result<>> erase(std::string host, std::string username) override {
    return db_.call<Result<>>(&writes_,
                              [this, host = std::move(host), username = std::move(username)] {
                                return in().accounts().erase(host, username);
                              });
  }
  Task<Result<std::vector<std::string>>> list(std::string host, std::string after,
                                              std::uint32_t limit) override {
    return db_.call<Result<std::vector<std::string>>>(
        nullptr, [this, host = std::move(host), after = std::move(after), limit] {
          return in().accounts().list(host, after, limit);
        });
  }
  Task<Result<std::uint64_t>> count(std::string host) override {
    return db_.call<Result<std::uint64_t>>(
        nullptr, [this, host = std::move(host)] { return in().accounts().count(host); });
  }
  Task<Result<std::optional<std::string>>> get(std::string owner, std::string map,
                                               std::string key) override {
    return db_.call<Result<std::optional<std::string>>>(
        nullptr, [this, owner = std::move(owner), map = std::move(map), key = std::move(key)] {
          return in().maps().get(owner, map, key);
        });
  }
  Task<Result<std::vector<store::Entry>>> scan(std::string owner, std::string map) override {
    return db_.call<Result<std::vector<store::Entry>>>(
        nullptr, [this, owner = std::move(owner), map = std::move(map)] {
          return in().maps().scan(owner, map);
        });
  }
  Task<Result<>> apply(std::string owner, std::vector<store::Change> changes,
                       std::optional<store::Fence> fence) override {
    return db_.call<Result<>>(
        &writes_, [this, owner = std::move(owner), changes = std::move(changes),
                   fence = std::move(fence)] { return in().maps().apply(owner, changes, fence); });
  }
  Task<Result<>> append(std::string owner, std::string log, LogEntry entry) override {
    return db_.call<Result<>>(
        &writes_, [this, owner = std::move(owner), log = std::move(log), entry = std::move(entry)] {
          return in().logs().append(owner, log, entry);
        });
  }
  Task<Result<store::LogPage>> read(std::string owner, std::string log, LogFilter filter,
                                    std::uint32_t limit, bool newest) override {
    return db_.call<Result<store::LogPage>>(
        nullptr, [this, owner = std::move(owner), log = std::move(log), filter = std::move(filter),
                  limit, newest] { return in().logs().read(owner, log, filter, limit, newest); });
  }
  Task<Result<std::uint64_t>> count(std::string owner, std::string log, LogFilter filter,
                                    std::uint64_t limit) override {
    return db_.call<Result<std::uint64_t>>(
        nullptr, [this, owner = std::move(owner), log = std::move(log), filter = std::move(filter),
                  limit] { return in().logs().count(owner, log, filter, limit); });
  }
  Task<Result<std::uint64_t>> trim(std::string owner, std::string log, LogFilter filter) override {
    return db_.call<Result<std::uint64_t>>(
        &writes_, [this, owner = std::move(owner), log = std::move(log),
                   filter = std::move(filter)] { return in().logs().trim(owner, log, filter); });
  }

  Database& db_;
  NodeMembers members_;
  Database::Line writes_;
};

std::unique_ptr<store::Store> Database::open() {
  return std::make_unique<NodeStore>(*this);
}

}  // namespace starling::sim
