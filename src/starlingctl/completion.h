// Completion for shells, from the table of commands/commands.h.
#pragma once

#include <string>
#include <string_view>

namespace starling::starlingctl {

// The script for "bash" or "zsh"; "" for any other.
[[nodiscard]] std::string completion_script(std::string_view shell);

}  // namespace starling::starlingctl
