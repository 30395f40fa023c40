// Control groups: what the system lets a container, a pod or a service have. Linux only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling {

struct ControlGroup {
  std::string folder;
  int version = 2;  // 1 or 2: their files differ
};

// Those that this process is in as far as the controller ("memory", "cpu") goes, and all above them
// that are to be seen: from inside a container the root is its own. The folders are for tests.
[[nodiscard]] std::vector<ControlGroup> control_groups(
    std::string_view controller, const std::string& proc = "/proc",
    const std::string& cgroups = "/sys/fs/cgroup");

// The whole file; "" if there is none.
[[nodiscard]] std::string file_contents(const std::string& path);
// The number at the beginning of the text, after blanks.
[[nodiscard]] std::optional<std::uint64_t> leading_number(std::string_view text);

}  // namespace starling
