// AccountTurns: an account's stanzas are handled one after the other.
//
// Most handling is immediate. When one step must wait for the store (a roster change, say), what
// comes for the same account meanwhile waits behind it, in order; other accounts are not affected.
// So stanzas between two JIDs never overtake each other (RFC 6120 section 10.1), and a roster is
// never changed by two at once. Used on one worker's thread.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/task.h"

namespace starling::core {

class AccountTurns {
 public:
  using Step = std::move_only_function<Task<void>()>;

  explicit AccountTurns(Gate& gate) : gate_(gate) {}

  // True while a step of this account waits for something.
  [[nodiscard]] bool busy(std::string_view bare) const {
    return !queues_.empty() && queues_.contains(bare);
  }

  // Runs `step` when it is its turn: now, if nothing of the account is under way.
  void run(std::string_view bare, Step step);

  // How many steps wait behind the running one.
  [[nodiscard]] std::size_t waiting(std::string_view bare) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  Task<void> work_off(std::string bare);

  Gate& gate_;
  std::unordered_map<std::string, std::deque<Step>, Hash, std::equal_to<>> queues_;
};

}  // namespace starling::core
