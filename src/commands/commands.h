// The commands of starlingctl: one table, from which come the help of starlingctl and what the
// server accepts. What each does is in admin/.
#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace starling::commands {

// The name of every argument that must never be shown or logged.
inline constexpr std::string_view kPassword = "PASSWORD";

// The name of every argument that is a path, relative to where starlingctl was called.
inline constexpr std::string_view kFile = "FILE";

struct Argument {
  std::string_view name;
  std::string_view meaning;
};

struct Command {
  std::string_view name;
  std::string_view summary;  // one line
  std::vector<Argument> arguments;
  std::string_view effect;   // what changes, what it answers, what can go wrong
  std::string_view example;  // as typed in a shell
  bool takes_long = false;   // more than a minute: starlingctl waits for its end
  bool local = false;        // done by starlingctl itself, where no node runs
};

[[nodiscard]] std::span<const Command> all();
// The command of that name, or nullptr.
[[nodiscard]] const Command* find(std::string_view name);

}  // namespace starling::commands
