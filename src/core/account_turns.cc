#include "core/account_turns.h"

#include <utility>

namespace starling::core {

void AccountTurns::run(std::string_view bare, Step step) {
  const auto [entry, first] = queues_.try_emplace(std::string(bare));
  entry->second.push_back(std::move(step));
  // Nobody is to wait for a step that is never taken.
  if (!first || gate_.spawn(work_off(std::string(bare)))) return;
  const auto dropped = queues_.extract(std::string(bare));
}

Task<void> AccountTurns::work_off(std::string bare) {
  for (;;) {
    auto& queue = queues_[bare];
    if (queue.empty()) break;
    Step step = std::move(queue.front());
    queue.pop_front();
    co_await step();
  }
  queues_.erase(bare);
}

std::size_t AccountTurns::waiting(std::string_view bare) const {
  const auto found = queues_.find(bare);
  return found == queues_.end() ? 0 : found->second.size();
}

}  // namespace starling::core
