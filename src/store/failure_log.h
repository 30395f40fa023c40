// FailureLog: tells the operator that the engine fails, without filling the disk that is full.
//
// A failing disk refuses thousands of calls a second: the first is logged, then one line in ten
// seconds with how many there were. Thread-safe.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"

namespace starling::store {

class FailureLog {
 public:
  // `engine` names what fails, under a field of the log of this name: a file, a database.
  FailureLog(std::string_view field, std::string engine)
      : field_(field), engine_(std::move(engine)) {}

  // `count` calls have failed with `error`.
  void failed(std::string_view event, std::uint64_t count, const Error& error) {
    std::lock_guard lock(mutex_);
    unreported_ += count;
    const std::int64_t now_us = wall_clock_us();
    const std::int64_t passed_us = now_us - last_line_us_;
    const bool clock_was_set_back = passed_us < 0;
    if (passed_us < kIntervalUs && !clock_was_set_back) return;
    log::error({event, log::Subsystem::store},
               {{field_, engine_}, {"calls", unreported_}, {"error", error.message}});
    last_line_us_ = now_us;
    unreported_ = 0;
    announced_ = true;
  }

  // The engine serves again: says so, if the last line said that it failed.
  void recovered(std::string_view event) {
    std::lock_guard lock(mutex_);
    if (!announced_) return;
    log::info({event, log::Subsystem::store},
              {{field_, engine_}, {"calls_failed_meanwhile", unreported_}});
    unreported_ = 0;
    announced_ = false;
  }

 private:
  static constexpr std::int64_t kIntervalUs = 10'000'000;

  const std::string_view field_;
  const std::string engine_;
  std::mutex mutex_;
  std::uint64_t unreported_ = 0;
  std::int64_t last_line_us_ = 0;  // of failed(); 0: never
  bool announced_ = false;
};

}  // namespace starling::store
