// Members on PostgreSQL: rows of starling.node, and of starling.lease.
//
// They go over a connection of their own, on a thread of its own: a renewal must not wait behind
// what is to be written and read, nor for the locks of other tables. It LISTENs for what others
// change.
#pragma once

#include <functional>
#include <mutex>
#include <string>

#include "store/members.h"
#include "store/postgres_engine.h"

namespace starling::store::postgres {

class PostgresMembers final : public Members {
 public:
  PostgresMembers(const std::string& conninfo, const std::string& name,
                  const PostgresOptions& options);

  Task<Result<Member>> join(MemberFacts facts) override;
  Task<Result<Roll>> renew(std::uint64_t epoch, MemberFacts facts) override;
  Task<Result<Roll>> read() override;
  Task<Result<bool>> remove_dead(std::uint64_t epoch, std::chrono::milliseconds after) override;
  Task<Result<>> leave(std::uint64_t epoch) override;
  Task<Result<std::vector<Lease>>> leases() override;
  Task<Result<Lease>> acquire(std::string name, std::uint64_t holder) override;
  Task<Result<Lease>> hand_over(Lease lease, std::uint64_t to) override;
  void on_change(std::function<void()> changed) override;

  // How long a call may take at most: a node must soon know that it cannot renew.
  static constexpr std::chrono::milliseconds kPatience{2'000};

 private:
  void tell();

  std::mutex mutex_;  // guards changed_, and is held while it is called
  std::function<void()> changed_;
  Engine engine_;  // last: it calls tell() until it is gone
};

}  // namespace starling::store::postgres
