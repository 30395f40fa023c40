// LoadRing: what a node had to do in the last hour, every ten seconds.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

namespace starling::admin {

struct LoadSample {
  std::uint64_t sessions = 0;
  std::uint64_t messages_per_second = 0;  // that clients sent
  std::uint64_t utilisation = 0;          // per cent
  std::uint64_t cpu = 0;                  // per cent of one core
  std::uint64_t memory = 0;               // bytes
};

class LoadRing {
 public:
  static constexpr std::int64_t kStepSeconds = 10;
  static constexpr std::size_t kSteps = 360;

  // Steps are counted since 1970, so that those of all nodes are the same.
  [[nodiscard]] static std::int64_t step_of(std::int64_t clock_us) {
    return clock_us / (kStepSeconds * 1'000'000);
  }

  // Of this step; one that is older than the newest is left out.
  void add(std::int64_t step, const LoadSample& sample);
  // {"from": STEP, "sessions": [...], ...}, up to the newest; null where nothing was noted.
  [[nodiscard]] nlohmann::ordered_json series() const;

 private:
  std::array<std::optional<LoadSample>, kSteps> samples_;
  std::int64_t first_ = 0;  // step that was noted first; 0: none
  std::int64_t newest_ = 0;
};

// The series of several nodes added up, as one more, up to the newest step that all who are still
// there have noted; utilisation is the mean of those that were there. What is no series is left
// out.
[[nodiscard]] nlohmann::ordered_json add_up(const std::vector<nlohmann::ordered_json>& nodes);

}  // namespace starling::admin
