// How answers look in a terminal.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace starling::starlingctl {

using Json = nlohmann::ordered_json;

// A value or a list: one a line. An object: "name: value", one a line. A list of objects: one a
// line, the values parted by tabs. A list of findings: each with what to do below it. What became
// of messages (why): the events of each message below what it is known by.
[[nodiscard]] std::string to_text(const Json& value);
// True if the answer is a list of findings (as of doctor) with an error among them.
[[nodiscard]] bool has_errors(const Json& value);
// One line of a command that goes on.
[[nodiscard]] std::string line_text(const Json& line);

}  // namespace starling::starlingctl
