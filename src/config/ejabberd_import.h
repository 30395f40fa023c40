// Translates ejabberd's configuration into ours, as far as there is a counterpart.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/reading.h"

namespace starling::config {

struct Imported {
  std::string yaml;  // ours; it can be read
  // "FILE:LINE: WHAT": what has no counterpart, and what means something else here.
  std::vector<std::string> remarks;
};

// `path` is for messages, and for files that are included relative to it. Errors: invalid (no YAML,
// macros without an end), unavailable (an included file).
Result<Imported> import_ejabberd(const std::string& text, const std::string& path,
                                 const FileReader& read_file);

}  // namespace starling::config
