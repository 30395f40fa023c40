// The process's environment, as providers read it.
#pragma once

#include <algorithm>
#include <cctype>
#include <string>

#include "cloud/lifecycle.h"

namespace starling::cloud {

// "" if it is not set.
[[nodiscard]] inline std::string value_of(const Environment& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

[[nodiscard]] inline bool is_true(const Environment& environment, const std::string& name) {
  std::string value = value_of(environment, name);
  std::ranges::transform(value, value.begin(), [](unsigned char c) { return std::tolower(c); });
  return value == "true";
}

}  // namespace starling::cloud
