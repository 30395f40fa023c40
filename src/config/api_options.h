// Options of the HTTP API, and of those who use it.
#pragma once

#include <chrono>
#include <cstdint>

namespace starling::config {

struct ApiOptions {
  std::chrono::seconds session_idle{3'600};       // after which a signed-in browser is out
  std::chrono::seconds session_lifetime{43'200};  // however busy it is
  std::uint32_t audit_days = 365;                 // how long the records of changes are kept
};

}  // namespace starling::config
