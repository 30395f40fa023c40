// Chore: something that is done again and again on a loop, and may fail.
//
// What failed is tried again soon, after a random time below a bound that doubles with each failure
// (full jitter), so that many nodes do not come back to a service in step. The first failure is
// logged, further ones once a minute, and that it is over.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/event_loop.h"
#include "base/result.h"

namespace starling::cloud {

// `time` give or take a fifth.
[[nodiscard]] Duration about(Duration time);

class Chore {
 public:
  static constexpr std::chrono::milliseconds kFirstRetry{500};  // at most
  static constexpr std::chrono::seconds kLastRetry{20};

  // When it is to be done again; nullopt: not until soon() is called.
  using Next = std::optional<Duration>;
  using Work = std::function<Result<Next>()>;

  // `what` it is, for the log.
  Chore(EventLoop& loop, std::string what, Work work)
      : loop_(loop), what_(std::move(what)), work_(std::move(work)) {}
  ~Chore() { stop(); }
  Chore(const Chore&) = delete;
  Chore& operator=(const Chore&) = delete;

  // All on the loop.
  // It is done in so long at the latest.
  void soon(Duration in = Duration(0));
  void stop();
  [[nodiscard]] bool planned() const { return timer_ != 0; }

 private:
  void run();
  void plan(Duration in);
  void tell(const Error& error);

  EventLoop& loop_;
  const std::string what_;
  const Work work_;
  TimerId timer_ = 0;
  TimePoint due_{};
  bool stopped_ = false;        // while it ran
  std::uint64_t failures_ = 0;  // in a row
  std::uint64_t untold_ = 0;
  TimePoint told_{};
};

}  // namespace starling::cloud
