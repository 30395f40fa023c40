// Secrets that all nodes of a server share: made on the first start, and kept in the store.
#pragma once

#include <string>

#include "base/result.h"
#include "base/task.h"
#include "store/store.h"

namespace starling::core {

// The secret of this name; `fresh` if there was none. Should several nodes start for the first time
// at once, all come to the same. Errors: unavailable.
Task<Result<std::string>> shared_secret(store::Maps& maps, std::string name, std::string fresh);

}  // namespace starling::core
