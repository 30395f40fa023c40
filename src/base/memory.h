// How much memory this process has, and may have. Linux only.
#pragma once

#include <cstdint>
#include <string>

namespace starling {

// Bytes of this process that are in memory (its resident set); 0 if the system does not say.
[[nodiscard]] std::uint64_t resident_memory();

// Bytes that the program has allocated and not freed; 0 if the allocator does not say.
[[nodiscard]] std::uint64_t allocated_memory();

// Bytes that the allocator has beyond these: what was freed and not given back to the system, and
// its own books; 0 if it does not say.
[[nodiscard]] std::uint64_t allocators_memory();

// Bytes that the system lets this process have: all there are, or what its control groups allow it
// (version 1 or 2, the tightest one), whichever is less. The folders are for tests.
[[nodiscard]] std::uint64_t allowed_memory(const std::string& proc = "/proc",
                                           const std::string& cgroups = "/sys/fs/cgroup");

// Gives what the allocator keeps for later back to the system. It holds up whoever allocates, for
// milliseconds and more in a large process: call it seldom.
void return_free_memory();

}  // namespace starling
