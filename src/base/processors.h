// How many processors this process may keep busy. Linux only.
#pragma once

#include <cstdint>
#include <string>

namespace starling {

// Those it may run on, or what its control groups allow it of them, rounded up; at least 1. The
// folders are for tests.
[[nodiscard]] std::uint64_t allowed_processors(const std::string& proc = "/proc",
                                               const std::string& cgroups = "/sys/fs/cgroup");

}  // namespace starling
