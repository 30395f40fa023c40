#include "base/processors.h"

#include <algorithm>
#include <optional>
#include <thread>

#include "base/control_groups.h"

namespace starling {

namespace {

// nullopt: no limit.
std::optional<std::uint64_t> limit_of(const ControlGroup& group) {
  std::optional<std::uint64_t> quota, period;  // microseconds
  if (group.version == 2) {
    const std::string text = file_contents(group.folder + "/cpu.max");
    quota = leading_number(text);  // "max" is none
    period = leading_number(std::string_view(text).substr(std::min(text.find(' '), text.size())));
  } else {
    quota = leading_number(file_contents(group.folder + "/cpu.cfs_quota_us"));  // "-1" is none
    period = leading_number(file_contents(group.folder + "/cpu.cfs_period_us"));
  }
  if (!quota || !period || *period == 0) return std::nullopt;
  return (*quota + *period - 1) / *period;
}

}  // namespace

std::uint64_t allowed_processors(const std::string& proc, const std::string& cgroups) {
  std::uint64_t count = std::max(1U, std::thread::hardware_concurrency());
  for (const ControlGroup& group : control_groups("cpu", proc, cgroups)) {
    if (const auto limit = limit_of(group))
      count = std::min(count, std::max<std::uint64_t>(1, *limit));
  }
  return count;
}

}  // namespace starling
