// For tests: a configuration from text, and what is wrong with one.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "config/load.h"

namespace starling::config {

inline Config good(const std::string& yaml, const Environment& environment = {}) {
  auto config = parse_config(yaml, "/etc/s.yml", environment);
  EXPECT_TRUE(config) << config.error().message << "\n" << yaml;
  return config.value_or(Config{});
}

// Without the file's name in front.
inline std::string mistake(const std::string& yaml, const Environment& environment = {}) {
  const auto config = parse_config(yaml, "/etc/s.yml", environment);
  EXPECT_FALSE(config) << "accepted: " << yaml;
  if (config) return "";
  const std::string& message = config.error().message;
  return message.starts_with("/etc/s.yml:") ? message.substr(11) : message;
}

// An environment with these variables, and with files that hold "secret of PATH\n".
inline Environment with(std::map<std::string, std::string> variables) {
  return {.variables = std::move(variables), .read_file = [](const std::string& path) {
            return path.contains("missing")
                       ? Result<std::string>(fail(Errc::unavailable, path + ": cannot be read"))
                       : Result<std::string>("secret of " + path + "\n");
          }};
}

}  // namespace starling::config
