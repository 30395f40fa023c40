// Retention: keeps archives within what the operator allows, by age and by number of messages
// (config::ArchiveOptions of each host; XEP-0313 section 3.2: always the oldest go).
//
// Once a day, some minutes after the start at first, it walks over all accounts, some of them a
// second and their surplus in small writes, so that nobody notices. Both limits hold for messages
// that still wait for their addressee, too: else anybody could fill the disk of a server by writing
// to a user who never comes.
//
// One per node. Used on its worker's thread; must outlive the last turn of its loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"
#include "base/task.h"
#include "config/options.h"
#include "store/store.h"

namespace starling::core {

class Worker;

// Removes entries of an owner's log that pass the filter, the oldest `most` of them, little by
// little, so that no other write has to wait for long; gives up when the gate is closed. The number
// of those removed. Errors: unavailable.
Task<Result<std::uint64_t>> trim_log(store::Logs& logs, const Gate& gate, std::string owner,
                                     std::string log, store::LogFilter filter,
                                     std::uint64_t most = UINT64_MAX);

class Retention {
 public:
  static constexpr std::chrono::minutes kFirstAfter{5};
  static constexpr std::chrono::hours kEvery{24};
  static constexpr std::chrono::seconds kStepEvery{1};
  static constexpr std::uint32_t kAccountsPerStep = 50;

  explicit Retention(Worker& worker) : worker_(worker) {}
  Retention(const Retention&) = delete;
  Retention& operator=(const Retention&) = delete;

  void start();

 private:
  void step_after(Duration delay);
  Task<void> step();
  Task<void> trim_accounts(std::vector<std::string> names, config::ArchiveOptions limits);
  Task<Result<>> trim(std::string owner, std::string log, config::ArchiveOptions limits);
  bool next_host();

  Worker& worker_;
  // Where the walk is: in this host, after this username.
  std::string host_;
  std::string after_;
  std::uint64_t removed_ = 0;  // on this walk
};

}  // namespace starling::core
