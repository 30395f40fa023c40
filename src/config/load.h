// From the operator's YAML, and the environment, to a Config.
//
// The whole configuration is good, or none of it is taken: errors say which file, line and column,
// or which variable, and what to write there.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "config/config.h"
#include "config/reading.h"

namespace starling::config {

// A file as text; 1 MiB at most.
Result<std::string> read_file(const std::string& path);

// What a configuration depends on beside its own text.
struct Environment {
  // Those of the process. STARLING_LOGLEVEL=debug sets `loglevel`; two underscores go deeper, as in
  // STARLING_MODULES__ARCHIVE__MAX_MESSAGES. With _FILE at the end of the name, the value is what
  // that file holds.
  std::map<std::string, std::string> variables{};
  FileReader read_file = config::read_file;
};

// Reads and checks a YAML file. Relative paths in it are relative to its own folder. Errors:
// unavailable (unreadable) and invalid.
Result<Config> load_config(const std::string& path, const Environment& environment);

// The same from text; `path` is only for messages and for relative paths.
Result<Config> parse_config(const std::string& text, const std::string& path,
                            const Environment& environment);

}  // namespace starling::config
