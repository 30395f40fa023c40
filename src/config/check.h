// What can be checked only when everything has been read.
#pragma once

#include "base/result.h"
#include "config/config.h"
#include "config/reading.h"

namespace starling::config {

// Makes paths absolute, defines the ACLs and rules that are always there, and refuses names that
// nothing defines, and options that contradict each other.
Result<> finish(Config& config, const Reading& reading);

// True if the kernel would refuse the second of two listeners; "::" takes all of IPv4 as well.
[[nodiscard]] bool in_the_way(const ListenOptions& a, const ListenOptions& b);

}  // namespace starling::config
