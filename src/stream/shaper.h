// Shaper: tells how long a stream is not to be read, so that it keeps to its rate on average.
//
// A token bucket each for bytes and for stanzas. Nothing is ever dropped: what has come is handled,
// and if it was more than the bucket held, reading waits until the debt is paid. So one stanza may
// be larger than the burst. Used on one thread; time is passed in.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/event_loop.h"
#include "config/config.h"

namespace starling::stream {

class Shaper {
 public:
  explicit Shaper(std::shared_ptr<const config::Shaper> limits) : limits_(std::move(limits)) {}

  void took_bytes(std::uint64_t n, TimePoint now) { bytes_.take(n, limits_->rate, now); }
  void took_stanza(TimePoint now) { stanzas_.take(1, limits_->stanza_rate, now); }

  // Until then nothing more is to be read; zero or less: go on.
  [[nodiscard]] Duration wait(TimePoint now) const {
    return std::max(bytes_.wait(limits_->rate, limits_->burst_size, now),
                    stanzas_.wait(limits_->stanza_rate, limits_->stanza_burst, now));
  }

  TimerId timer = 0;  // of whoever waits

 private:
  // The bucket is full again at full_at_; it is empty `burst / rate` seconds before that.
  class Bucket {
   public:
    void take(std::uint64_t n, std::uint64_t rate, TimePoint now) {
      if (rate != 0) full_at_ = std::max(full_at_, now) + time_of(n, rate);
    }
    [[nodiscard]] Duration wait(std::uint64_t rate, std::uint64_t burst, TimePoint now) const {
      if (rate == 0) return Duration::zero();
      return full_at_ - now - time_of(burst == 0 ? rate : burst, rate);
    }

   private:
    static Duration time_of(std::uint64_t n, std::uint64_t rate) {
      // As a floating-point number: n may be large.
      return std::chrono::duration_cast<Duration>(
          std::chrono::duration<double>(static_cast<double>(n) / static_cast<double>(rate)));
    }
    TimePoint full_at_{};
  };

  std::shared_ptr<const config::Shaper> limits_;
  Bucket bytes_;
  Bucket stanzas_;
};

}  // namespace starling::stream
