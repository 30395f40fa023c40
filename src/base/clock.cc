#include "base/clock.h"

#include <chrono>
#include <cstdio>
#include <ctime>

namespace starling {

std::int64_t wall_clock_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string xmpp_datetime(std::int64_t us_since_epoch) {
  const std::time_t seconds = us_since_epoch / 1'000'000;
  std::tm tm{};
  gmtime_r(&seconds, &tm);
  char buffer[32];
  const std::size_t n = std::strftime(buffer, sizeof buffer, "%Y-%m-%dT%H:%M:%SZ", &tm);
  return {buffer, n};
}

}  // namespace starling
