#include "base/memory.h"

#include <malloc.h>
#include <unistd.h>
#ifdef STARLING_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

#include <algorithm>
#include <limits>
#include <string_view>

#include "base/control_groups.h"

#ifdef STARLING_JEMALLOC
// What log-ins leave behind goes back to the system within seconds, also while nothing happens.
// NOLINTNEXTLINE(readability-identifier-naming): jemalloc looks for this name
extern "C" const char* malloc_conf = "background_thread:true,dirty_decay_ms:2000,muzzy_decay_ms:0";
#endif

namespace starling {

namespace {

constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

std::uint64_t total_memory(const std::string& proc) {
  constexpr std::string_view kKey = "MemTotal:";
  const std::string text = file_contents(proc + "/meminfo");
  const auto at = text.find(kKey);
  if (at == std::string::npos) return kNoLimit;
  const auto kib = leading_number(std::string_view(text).substr(at + kKey.size()));
  return kib ? *kib * 1024 : kNoLimit;
}

std::uint64_t cgroup_limit(const std::string& proc, const std::string& cgroups) {
  std::uint64_t limit = kNoLimit;
  for (const ControlGroup& group : control_groups("memory", proc, cgroups)) {
    const char* const file = group.version == 2 ? "/memory.max" : "/memory.limit_in_bytes";
    if (const auto bytes = leading_number(file_contents(group.folder + file))) {
      limit = std::min(limit, *bytes);
    }
  }
  return limit;
}

#ifdef STARLING_JEMALLOC
// Its numbers are those of when they were last asked for to be renewed.
void renew_statistics() {
  std::uint64_t epoch = 1;
  ::mallctl("epoch", nullptr, nullptr, &epoch, sizeof epoch);
}

std::uint64_t statistic(const char* name) {
  std::size_t bytes = 0;
  std::size_t size = sizeof bytes;
  return ::mallctl(name, &bytes, &size, nullptr, 0) == 0 ? bytes : 0;
}
#endif

}  // namespace

std::uint64_t resident_memory() {
  // size resident shared ..., in pages
  const std::string text = file_contents("/proc/self/statm");
  const auto blank = text.find(' ');
  if (blank == std::string::npos) return 0;
  const auto pages = leading_number(std::string_view(text).substr(blank));
  return pages.value_or(0) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t allocated_memory() {
#ifdef STARLING_JEMALLOC
  renew_statistics();
  return statistic("stats.allocated");
#else
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
#endif
}

std::uint64_t allocators_memory() {
#ifdef STARLING_JEMALLOC
  renew_statistics();
  const std::uint64_t resident = statistic("stats.resident");
  return resident - std::min(resident, statistic("stats.allocated"));
#else
  return ::mallinfo2().fordblks;
#endif
}

std::uint64_t allowed_memory(const std::string& proc, const std::string& cgroups) {
  return std::min(total_memory(proc), cgroup_limit(proc, cgroups));
}

void return_free_memory() {
#ifdef STARLING_JEMALLOC
  static_assert(MALLCTL_ARENAS_ALL == 4096);
  ::mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0);
#else
  ::malloc_trim(0);
#endif
}

}  // namespace starling
