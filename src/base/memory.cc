#include "base/memory.h"

#include <malloc.h>
#include <unistd.h>
#ifdef STARLING_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <string_view>

#ifdef STARLING_JEMALLOC
// What log-ins leave behind goes back to the system within seconds, also while nothing happens.
// NOLINTNEXTLINE(readability-identifier-naming): jemalloc looks for this name
extern "C" const char* malloc_conf = "background_thread:true,dirty_decay_ms:2000,muzzy_decay_ms:0";
#endif

namespace starling {

namespace {

constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

std::string contents(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The number at the beginning of the text, after blanks.
std::optional<std::uint64_t> number(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

std::uint64_t total_memory(const std::string& proc) {
  constexpr std::string_view kKey = "MemTotal:";
  const std::string text = contents(proc + "/meminfo");
  const auto at = text.find(kKey);
  if (at == std::string::npos) return kNoLimit;
  const auto kib = number(std::string_view(text).substr(at + kKey.size()));
  return kib ? *kib * 1024 : kNoLimit;
}

// The tightest limit from this control group up to the root. A group that is not to be seen from
// inside a container has its limit at the root there.
std::uint64_t limit_up(const std::string& root, std::string path, const std::string& file) {
  std::uint64_t limit = kNoLimit;
  for (;;) {
    if (const auto bytes = number(contents(root + path + "/" + file))) {
      limit = std::min(limit, *bytes);
    }
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return limit;
    path.resize(slash);
  }
}

std::uint64_t cgroup_limit(const std::string& proc, const std::string& cgroups) {
  // Lines are ID:CONTROLLERS:PATH; version 2 has no controllers.
  std::istringstream lines(contents(proc + "/self/cgroup"));
  std::uint64_t limit = kNoLimit;
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string path = line.substr(second + 1);
    if (path == "/") path.clear();
    if (controllers.empty()) {
      limit = std::min(limit, limit_up(cgroups, path, "memory.max"));
    } else if (("," + controllers + ",").find(",memory,") != std::string::npos) {
      limit = std::min(limit, limit_up(cgroups + "/memory", path, "memory.limit_in_bytes"));
    }
  }
  return limit;
}

}  // namespace

std::uint64_t resident_memory() {
  // size resident shared ..., in pages
  const std::string text = contents("/proc/self/statm");
  const auto blank = text.find(' ');
  if (blank == std::string::npos) return 0;
  const auto pages = number(std::string_view(text).substr(blank));
  return pages.value_or(0) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
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
