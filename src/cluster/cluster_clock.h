// ClusterClock: one time for all nodes, whatever their machines' clocks say.
//
// It is the database's, as the node reads it with every renewal of its row. An answer is as old as
// its way was long, so the latest of all readings is the best one; a node that has had slow answers
// only is behind by that. So nodes also tell each other the time with what they send, and none is
// behind what it was told: what happens at one node because of something at another is later there,
// and with it the ids in the archives (core/archive.h).
//
// `monotonic_us` is a clock of this machine that runs evenly. read() on one thread, the others on
// any.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace starling::cluster {

class ClusterClock {
 public:
  // Further than this no answer's way was: the database's clock was set back.
  static constexpr std::int64_t kSetBackUs = 10'000'000;
  // So far it gives way with each reading, as machines' clocks do not run equally fast.
  static constexpr std::int64_t kDriftUs = 10'000;

  // In microseconds since 1970. Does not go back, unless the database's does, and by much.
  [[nodiscard]] std::int64_t us(std::int64_t monotonic_us) const {
    return std::max(ahead_us_ + monotonic_us, not_before_us_.load());
  }

  void read(std::int64_t database_us, std::int64_t monotonic_us) {
    const std::int64_t ahead = database_us - monotonic_us;
    std::int64_t before = ahead_us_;
    if (ahead >= before) return raise(ahead);
    const bool set_back = before - ahead > kSetBackUs;
    not_before_us_ = set_back ? 0 : us(monotonic_us);
    const std::int64_t after = set_back ? ahead : std::max(ahead, before - kDriftUs);
    ahead_us_.compare_exchange_strong(before, after);  // or it was just raised: next time
  }

  // By another node.
  void told(std::int64_t there_us, std::int64_t monotonic_us) {
    if (there_us < 0 || there_us > kMostUs) return;
    // So far it cannot be behind: the other has yet to hear that the clock was set back.
    if (there_us - us(monotonic_us) <= kSetBackUs) raise(there_us - monotonic_us);
  }

 private:
  static constexpr std::int64_t kMostUs = std::int64_t{1} << 53U;

  void raise(std::int64_t ahead) {
    std::int64_t known = ahead_us_;
    while (known < ahead && !ahead_us_.compare_exchange_weak(known, ahead)) {
    }
  }

  std::atomic<std::int64_t> ahead_us_ = 0;  // of the monotonic one
  std::atomic<std::int64_t> not_before_us_ = 0;
};

}  // namespace starling::cluster
