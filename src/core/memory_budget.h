// MemoryBudget: how near the node is to the memory it may have, and what it does about that.
//
//   normal    everybody is welcome
//   refusing  above 90 %: no new connection, no new session; those that are there go on
//   shedding  above 97 %: besides, sessions that keep most bytes waiting are ended, largest first
//
// A stage is left well below where it is entered, so that it does not flicker. One thread measures
// (starlingd/memory_watch.h); any thread may ask.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "base/metrics.h"

namespace starling::core {

class MemoryBudget {
 public:
  enum class Stage : std::uint8_t { normal, refusing, shedding };

  MemoryBudget();

  // What a node may have of so many bytes by default; the rest is for the system and its caches.
  [[nodiscard]] static constexpr std::uint64_t share_of(std::uint64_t bytes) {
    return bytes / 100 * 80;
  }

  // Bytes; 0: no limit.
  void set_max(std::uint64_t max_bytes) { max_ = max_bytes; }
  [[nodiscard]] std::uint64_t max() const { return max_; }

  // So much is in use now. Logs when that leads to another stage.
  Stage update(std::uint64_t resident_bytes);

  [[nodiscard]] Stage stage() const { return stage_; }
  // True while no new session is to be begun. Counts who was told so.
  [[nodiscard]] bool refuses_session();

  // After the last update, while shedding: bytes above where that ends.
  [[nodiscard]] std::uint64_t surplus() const { return surplus_; }

 private:
  std::atomic<std::uint64_t> max_ = 0;
  std::atomic<Stage> stage_ = Stage::normal;
  std::atomic<std::uint64_t> surplus_ = 0;
  metrics::Gauge& resident_;
  metrics::Gauge& stage_gauge_;
  metrics::Gauge& max_gauge_;
  metrics::Counter& refused_;
};

[[nodiscard]] std::string_view to_string(MemoryBudget::Stage stage);

}  // namespace starling::core
