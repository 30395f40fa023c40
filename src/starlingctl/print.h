// How answers look in a terminal.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace starling::starlingctl {

using Json = nlohmann::ordered_json;

// A value or a list: one a line. An object: "name: value", one a line. A list of objects: one a
// line, the values parted by tabs.
[[nodiscard]] std::string to_text(const Json& value);
// One line of a command that goes on.
[[nodiscard]] std::string line_text(const Json& line);

}  // namespace starling::starlingctl
