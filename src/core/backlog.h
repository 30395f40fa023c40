// Backlog: how much of an account is under way: stanzas that wait for its turn, and writes to its
// archive that the store has not done. It grows while the store is slow, and must not without end:
// whoever sends as the account is read no further (back-pressure, to be honoured by the stream),
// and what others send to it is refused when there is far too much. Used on the home worker.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/event_loop.h"

namespace starling::core {

class Worker;

class Backlog {
 public:
  static constexpr std::size_t kMuch = 1'000;
  static constexpr std::size_t kTooMuch = 10'000;

  explicit Backlog(Worker& worker) : worker_(worker) {}

  // Stanzas of this account that are under way.
  [[nodiscard]] std::size_t of(std::string_view bare) const;

  // True while no more should be read of what its clients send; then `then` is called, later and
  // once, when less than half of that is left.
  bool wait(std::string_view bare, Callback then);
  // True while nothing more is taken for it. Logged once in a while.
  [[nodiscard]] bool refuses(std::string_view bare);

  // Some of this account's is done.
  void worked(const std::string& bare);

 private:
  Worker& worker_;
  std::unordered_map<std::string, std::vector<Callback>> waiting_;
  std::unordered_set<std::string> refused_;
};

}  // namespace starling::core
