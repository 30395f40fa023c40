// The table of options as text: for one who asks, as a reference, as a schema for editors.
#pragma once

#include <string>

#include "base/result.h"
#include "config/table.h"

namespace starling::config {

// What an option means, what it takes, its default and an example; of a section, what is in it.
// Errors: not_found, with the nearest name.
[[nodiscard]] Result<std::string> explain(const std::string& name);

// The option's example where it would stand in the file, as YAML; "" if it has none.
[[nodiscard]] std::string example_of(const std::string& name);

// Its default as YAML, or in words: "none", "one per processor".
[[nodiscard]] std::string default_of(const Option& option);

// docs/configuration.md.
[[nodiscard]] std::string reference();

// docs/starling.schema.json: JSON Schema, draft 2020-12.
[[nodiscard]] std::string json_schema();

}  // namespace starling::config
