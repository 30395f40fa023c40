// Operations: how a command of commands/commands.h is called over HTTP, and how it answers.
//
// A command that only tells is GET /api/COMMAND?name=value, one that may change something is
// POST /api/COMMAND with a JSON object. The names are those of the table in lower case.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "commands/commands.h"
#include "http/message.h"

namespace starling::api {

using Json = nlohmann::ordered_json;

// Commands that are there over HTTP: all that the node carries out.
[[nodiscard]] std::vector<const commands::Command*> operations();
[[nodiscard]] std::string path_of(const commands::Command& command);
[[nodiscard]] std::string name_of(const commands::Argument& argument);

// POST; else GET. A password is never part of an address, where logs would keep it.
[[nodiscard]] bool by_post(const commands::Command& command);
// Whether scopes for reading do not cover it: what changes something, and what shows or tries
// secrets.
[[nodiscard]] bool needs_write(const commands::Command& command);

// The arguments in the command's order; "" stands for an optional one that is left out before one
// that is not. Errors: invalid (a name that is unknown, missing, or there twice; a value of the
// wrong type).
[[nodiscard]] Result<std::vector<std::string>> arguments_of_query(const commands::Command& command,
                                                                  std::string_view query);
// Numbers may be JSON's own; true and false are 1 and 0.
[[nodiscard]] Result<std::vector<std::string>> arguments_of_body(const commands::Command& command,
                                                                 std::string_view body);

// Of a JSON object in a body, every name once. Errors: invalid.
[[nodiscard]] Result<Json> parse_object(std::string_view body);

[[nodiscard]] unsigned status_of(Errc code);
[[nodiscard]] http::Response refusal(const Error& error);
[[nodiscard]] http::Response answer(const Json& result);
[[nodiscard]] std::string to_text(const Json& json);

}  // namespace starling::api
