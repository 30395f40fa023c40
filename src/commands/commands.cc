#include "commands/commands.h"

#include <algorithm>
#include <iterator>

#include "commands/tables.h"

namespace starling::commands {

namespace {

constexpr Tag kTags[] = {
    {"server", "The node"},
    {"cluster", "The cluster"},
    {"logs", "Logs and tracing"},
    {"accounts", "Accounts"},
    {"bans", "Bans"},
    {"session", "Sessions"},
    {"roster", "Rosters"},
    {"vcard", "vCards"},
    {"private", "Private XML storage"},
    {"stanza", "Messages and stanzas"},
    {"offline", "Offline messages"},
    {"mam", "Archives"},
    {"backup", "Backup and restore"},
    {"api", "The API"},
};

const std::vector<Command>& table() {
  static const std::vector<Command> kTable = [] {
    std::vector<Command> unsorted;
    for (const auto& part :
         {server_commands, cluster_commands, log_commands, account_commands, session_commands,
          roster_commands, profile_commands, message_commands, api_commands}) {
      std::ranges::move(part(), std::back_inserter(unsorted));
    }
    std::vector<Command> commands;
    for (const Tag& tag : kTags) {
      for (Command& command : unsorted) {
        if (command.tag == tag.name) commands.push_back(std::move(command));
      }
    }
    return commands;
  }();
  return kTable;
}

Result<> check_one(const Argument& argument, std::string_view value) {
  const auto refuse = [&](const std::string& what) {
    return fail(Errc::invalid, std::string(argument.name) + " " + what);
  };
  if (argument.type == Type::integer) {
    constexpr std::size_t kMaxDigits = 18;
    const bool digits = std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
    if (value.empty() || value.size() > kMaxDigits || !digits) {
      return refuse("is a number: '" + std::string(value) + "' is none");
    }
  }
  if (argument.type == Type::choice) {
    const auto known = choices(argument);
    if (std::ranges::find(known, value) == known.end()) {
      std::string list;
      for (const auto choice : known) list += (list.empty() ? "" : ", ") + std::string(choice);
      return refuse("is one of " + list + ": '" + std::string(value) + "' is none of them");
    }
  }
  const bool control = std::ranges::any_of(
      value, [](unsigned char c) { return (c < ' ' && c != '\n' && c != '\t') || c == 0x7f; });
  if (control && !argument.secret()) return refuse("holds a control character");
  return {};
}

}  // namespace

std::size_t Command::required() const {
  return static_cast<std::size_t>(std::ranges::count(arguments, false, &Argument::optional));
}

std::string Command::usage() const {
  std::string text(name);
  for (const auto& argument : arguments) {
    const bool may_be_left_out = argument.optional || argument.secret();
    text += may_be_left_out ? " [" : " ";
    text += argument.name;
    if (may_be_left_out) text += "]";
  }
  return text;
}

std::span<const Command> all() {
  return table();
}

std::span<const Tag> tags() {
  return kTags;
}

const Command* find(std::string_view name) {
  const auto found = std::ranges::find(table(), name, &Command::name);
  return found == table().end() ? nullptr : &*found;
}

std::vector<std::string_view> choices(const Argument& argument) {
  std::vector<std::string_view> found;
  std::string_view rest = argument.choices;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('|'), rest.size());
    found.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return found;
}

Result<> check(const Command& command, std::span<const std::string> arguments) {
  if (arguments.size() < command.required() || arguments.size() > command.arguments.size()) {
    return fail(Errc::invalid, "usage: " + command.usage());
  }
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (command.arguments[i].optional && arguments[i].empty()) continue;
    if (auto good = check_one(command.arguments[i], arguments[i]); !good) return good;
  }
  return {};
}

}  // namespace starling::commands
