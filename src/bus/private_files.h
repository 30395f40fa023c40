// Files that only this user may read.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace starling::bus {

// Makes the folder if it is not there, and closes it to others (0700). Errors: unavailable.
Result<> make_private_folder(const std::string& path);
// Replaces the file as a whole (0600). Errors: unavailable.
Result<> write_private_file(const std::string& path, std::string_view text);

}  // namespace starling::bus
