// Every extension of the server, in the order in which they are set up.
#pragma once

#include <span>

#include "core/module.h"

namespace starling::modules {

[[nodiscard]] std::span<const core::Module* const> all();

}  // namespace starling::modules
