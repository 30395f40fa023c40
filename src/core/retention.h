// Retention: keeps archives within what the operator allows, by age and by number of messages
// (config::ArchiveOptions of each host; XEP-0313 section 3.2: always the oldest go).
//
// Once a day, some minutes after the start at first, it walks over all accounts, some of them a
// second and their surplus in small writes, so that nobody notices. Both limits hold for messages
// that still wait for their addressee, too: else anybody could fill the disk of a server by writing
// to a user who never comes.
//
// In a cluster one node does it (duty.h); it goes on where another has stopped.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"
#include "base/task.h"
#include "config/options.h"
#include "core/duty.h"
#include "store/store.h"

namespace starling::core {

// Removes entries of an owner's log that pass the filter, the oldest `most` of them, little by
// little, so that no other write has to wait for long; gives up when the gate is closed. The number
// of those removed. Errors: unavailable.
Task<Result<std::uint64_t>> trim_log(store::Logs& logs, const Gate& gate, std::string owner,
                                     std::string log, store::LogFilter filter,
                                     std::uint64_t most = UINT64_MAX);

class Retention final : public Duty {
 public:
  static constexpr std::string_view kLease = "archive-retention";
  static constexpr std::chrono::minutes kFirstAfter{5};
  static constexpr std::chrono::hours kEvery{24};
  static constexpr std::chrono::seconds kStepEvery{1};
  static constexpr std::uint32_t kAccountsPerStep = 50;

  explicit Retention(Worker& worker) : Duty(worker, kFirstAfter) {}

 private:
  void begun() override { recalled_ = false; }
  Task<Duration> step() override;
  Task<Result<Duration>> recall();
  Task<bool> remember(std::int64_t ended_at_us);
  Task<void> trim_accounts(std::vector<std::string> names, config::ArchiveOptions limits);
  Task<Result<>> trim(std::string owner, std::string log, config::ArchiveOptions limits);
  bool next_host();

  bool recalled_ = false;
  // Where the walk is: in this host, after this username.
  std::string host_;
  std::string after_;
  std::uint64_t removed_ = 0;  // on this walk
};

}  // namespace starling::core
