// The version of this program, as people see it.
#pragma once

#include <string_view>

namespace starling {

inline constexpr std::string_view kVersionText = STARLING_VERSION;

}  // namespace starling
