// Balance: a node with more than its share of the cluster's sessions lets some of them go to
// others.
//
// Connections live for days, so a node that has just come would stay empty while the others are
// full. A session that can be resumed is parked (parking.h) and its client sent away, a few at a
// time; it goes on at whatever node it comes to, and nobody else notices.
//
// One per node; runs on its first worker's loop, and asks the others. What other threads may call
// says so.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "config/options.h"

namespace starling::core {

class Server;
class Worker;

class Balance {
 public:
  explicit Balance(Server& server) : server_(server) {}
  Balance(const Balance&) = delete;
  Balance& operator=(const Balance&) = delete;

  // Any thread.
  void set_options(const config::BalanceOptions& options);
  // On the first worker's loop, once.
  void start();

  // True while the node is to have no more sessions than it has. Any thread.
  [[nodiscard]] bool refuses() const { return refuses_; }

  // An operator wants the surplus gone, whatever the mode: begins with the next round. How many
  // sessions that are. On the first worker's loop.
  std::uint64_t begin_now();

  // How many sessions a node has more than it should, beside others that have so many. It has to
  // have clearly more than its share before it begins (`active`: it has begun), and a node has to
  // be clearly emptier.
  [[nodiscard]] static std::uint64_t surplus(std::uint64_t own,
                                             const std::vector<std::uint64_t>& others, bool active);

 private:
  void round();
  [[nodiscard]] std::uint64_t surplus_now(bool active) const;
  static void let_go(Worker& worker, std::size_t most);

  Server& server_;
  std::atomic<config::BalanceMode> mode_ = config::BalanceMode::off;
  std::atomic<std::uint32_t> rate_ = 0;  // sessions a second
  std::atomic<bool> readiness_ = false;
  std::atomic<bool> refuses_ = false;
  bool active_ = false;
  std::uint64_t asked_ = 0;  // so many are to go by begin_now()
};

}  // namespace starling::core
