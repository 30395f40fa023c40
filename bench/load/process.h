// What a process costs, as the kernel counts it in /proc.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>

namespace load {

// Microseconds of CPU, in user mode and in the kernel, of the processes and their descendants.
std::int64_t cpu_us(std::span<const pid_t> processes);
std::int64_t own_cpu_us();

struct Memory {
  std::int64_t rss = 0;  // bytes
  std::int64_t pss = 0;
};
Memory memory_of(std::span<const pid_t> processes);

}  // namespace load
