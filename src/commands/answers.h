// What commands answer, as JSON Schemas (2020-12, as OpenAPI 3.1 has them): the API's answer with
// status 200, and `result` of `starlingctl --format json`. api/openapi.h puts them into the API's
// description, against which the tests check what nodes answer.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace starling::commands {

// Of a command that goes on: what it answers at its end. nullptr: there is none.
[[nodiscard]] const nlohmann::ordered_json* answer_schema(std::string_view command);
// What each line of a command that goes on is. nullptr: it has none.
[[nodiscard]] const nlohmann::ordered_json* line_schema(std::string_view command);

}  // namespace starling::commands
