// Members of the in-memory backend.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "base/event_loop.h"
#include "store/members.h"

namespace starling::store {

// The rows that nodes share. Thread-safe.
class MemberTable {
 public:
  Result<Member> join(MemberFacts facts);
  Result<Roll> renew(std::uint64_t epoch, MemberFacts facts);
  Roll read();
  bool remove(std::uint64_t epoch, std::chrono::milliseconds after);
  std::vector<Lease> leases();
  Result<Lease> acquire(const std::string& name, std::uint64_t holder);
  Result<Lease> hand_over(const Lease& lease, std::uint64_t to);
  // False, and nothing done, if the lease is not held under the fence's term. It stays held
  // meanwhile.
  bool while_held(const Fence& fence, const std::function<void()>& work);
  // nullptr: `who` is to be told no more, and is not any more afterwards.
  void on_change(const Members* who, std::function<void()> changed);

 private:
  struct Row {
    Member member;
    TimePoint renewed;
  };
  // With the mutex held.
  TimePoint now();
  Member seen(const Row& row) const;
  Roll roll();

  void tell();

  std::mutex mutex_;                   // guards what follows, to the blank line
  std::map<std::uint64_t, Row> rows_;  // by epoch
  std::uint64_t last_epoch_ = 0;
  std::map<std::string, Lease> leases_;  // by name
  std::uint64_t last_term_ = 0;
  TimePoint now_{};  // never goes back, although each node's loop has a clock of its own

  std::mutex watchers_mutex_;  // held while they are called
  std::map<const Members*, std::function<void()>> watchers_;
};

class MemoryMembers final : public Members {
 public:
  explicit MemoryMembers(MemberTable& table) : table_(table) {}
  ~MemoryMembers() override { table_.on_change(this, nullptr); }
  MemoryMembers(const MemoryMembers&) = delete;
  MemoryMembers& operator=(const MemoryMembers&) = delete;

  Task<Result<Member>> join(MemberFacts facts) override;
  Task<Result<Roll>> renew(std::uint64_t epoch, MemberFacts facts) override;
  Task<Result<Roll>> read() override;
  Task<Result<bool>> remove_dead(std::uint64_t epoch, std::chrono::milliseconds after) override;
  Task<Result<>> leave(std::uint64_t epoch) override;
  Task<Result<std::vector<Lease>>> leases() override;
  Task<Result<Lease>> acquire(std::string name, std::uint64_t holder) override;
  Task<Result<Lease>> hand_over(Lease lease, std::uint64_t to) override;
  void on_change(std::function<void()> changed) override {
    table_.on_change(this, std::move(changed));
  }

 private:
  MemberTable& table_;
};

}  // namespace starling::store
