#include "base/control_groups.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

namespace starling {

std::string file_contents(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::optional<std::uint64_t> leading_number(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

std::vector<ControlGroup> control_groups(std::string_view controller, const std::string& proc,
                                         const std::string& cgroups) {
  const std::string wanted = "," + std::string(controller) + ",";
  // Lines are ID:CONTROLLERS:PATH; version 2 has no controllers.
  std::istringstream lines(file_contents(proc + "/self/cgroup"));
  std::vector<ControlGroup> groups;
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool is_newer = controllers.empty();
    if (!is_newer && !("," + controllers + ",").contains(wanted)) continue;
    const std::string root = is_newer ? cgroups : cgroups + "/" + std::string(controller);
    std::string path = line.substr(second + 1);
    if (path == "/") path.clear();
    for (;;) {
      groups.push_back({root + path, is_newer ? 2 : 1});
      const auto slash = path.rfind('/');
      if (slash == std::string::npos) break;
      path.resize(slash);
    }
  }
  return groups;
}

}  // namespace starling
