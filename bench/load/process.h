// What a process costs, as the kernel counts it in /proc.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace load {

// Microseconds of CPU, in user mode and in the kernel, of the process and its descendants.
std::int64_t cpu_us(pid_t pid);
std::int64_t own_cpu_us();

struct Memory {
  std::int64_t rss = 0;  // bytes
  std::int64_t pss = 0;
};
Memory memory_of(pid_t pid);

}  // namespace load
