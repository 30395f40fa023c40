// LogLines: the last lines that this process has logged, for its operators. What is in the log is
// there, and nothing else: no secrets and nothing that people write (log.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/log.h"

namespace starling::log {

struct Line {
  std::uint64_t number = 0;  // of all that were logged, from 1 on
  std::int64_t time_us = 0;  // since 1970
  Level level = Level::info;
  std::string json;  // as the JSON format writes it
};

struct Lines {
  std::vector<Line> lines;      // oldest first
  std::uint64_t last = 0;       // number of the newest there is, of any level
  std::uint64_t forgotten = 0;  // of those asked for, of any level, are no more
};

inline constexpr std::size_t kMostLines = 1'000;

// Those behind the number `after`, of `least` or worse; the newest `limit` of them. Any thread.
[[nodiscard]] Lines lines(Level least, std::uint64_t after, std::size_t limit);

}  // namespace starling::log
