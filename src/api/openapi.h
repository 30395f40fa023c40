// The API's description (OpenAPI 3.1) and its page in docs/, from the table of commands.
#pragma once

#include <string>

#include "api/operations.h"

namespace starling::api {

// docs/openapi.json, and what /api/openapi.json answers.
[[nodiscard]] std::string openapi();
// docs/api.md.
[[nodiscard]] std::string reference();

// The arguments of the command's example, by name.
[[nodiscard]] Json example_of(const commands::Command& command);
// What a token needs for it: "accounts:write".
[[nodiscard]] std::string scope_of(const commands::Command& command);

}  // namespace starling::api
