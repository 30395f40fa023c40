// The first start of a node for somebody who just wants to see it run (`./x run`).
#pragma once

#include <string>

#include "base/result.h"
#include "config/load.h"
#include "starlingd/node.h"

namespace starling::starlingd {

// Writes `folder`/starling.yml, with comments, if there is none, and reads it.
Result<config::Config> quickstart_config(const std::string& folder,
                                         const config::Environment& environment);

// Makes a first account on the first host if it has none, and prints to standard output how to
// connect; a generated password is printed this once and kept nowhere.
void quickstart_greeting(Node& node, const config::Config& config);

}  // namespace starling::starlingd
