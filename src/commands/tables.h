// The parts of the table, one file a subject.
#pragma once

#include <vector>

#include "commands/commands.h"

namespace starling::commands {

std::vector<Command> server_commands();
std::vector<Command> cluster_commands();
std::vector<Command> log_commands();
std::vector<Command> account_commands();
std::vector<Command> session_commands();
std::vector<Command> roster_commands();
std::vector<Command> profile_commands();
std::vector<Command> message_commands();
std::vector<Command> api_commands();

inline constexpr Argument kUser{"USER", "the part of the address before the @", Type::user};
// A text that people write.
constexpr Argument written(std::string_view name, std::string_view meaning) {
  return {.name = name, .meaning = meaning, .written = true};
}

// A command that changes nothing.
inline Command reads(Command command) {
  command.changes = false;
  return command;
}

inline constexpr Argument kHost{"HOST", "a domain this server serves", Type::host};

// Of lists that come as a whole, as long as they are not long (admin/whole_list.h).
inline constexpr Argument kAfter{"AFTER", "what the page before ended with; '' for the first page",
                                 Type::text, true};
inline constexpr Argument kLimit{
    "LIMIT",
    "of the page, 10000 at most; if left out all come, which is refused "
    "if they are more than that",
    Type::integer, true};

}  // namespace starling::commands
