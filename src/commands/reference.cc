// docs/starlingctl.md, from the table.
#include <cctype>

#include "commands/commands.h"

namespace starling::commands {

namespace {

// Of a heading.
std::string anchor(std::string_view title) {
  std::string out;
  for (const char c : title) out += c == ' ' ? '-' : static_cast<char>(std::tolower(c));
  return out;
}

std::string describe(const Command& command) {
  std::string text = "### " + std::string(command.name) + "\n";
  text += std::string(command.summary) + ".\n\n";
  text += "    starlingctl " + command.usage() + "\n";
  if (!command.arguments.empty()) {
    text += "\n| | |\n|-|-|\n";
    for (const auto& argument : command.arguments) {
      text += "| `" + std::string(argument.name) + "` | " + markdown(argument) + " |\n";
    }
  }
  text += "\n" + markdown(command.effect) + "\n\n";
  text += "Example: `" + std::string(command.example) + "`\n\n";
  return text;
}

}  // namespace

std::string markdown(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<') {
      out += "&lt;";
    } else if (c == '|') {
      out += "\\|";
    } else {
      out += c;
    }
  }
  return out;
}

std::string markdown(const Argument& argument) {
  std::string text(argument.meaning);
  std::string list;
  for (const auto choice : choices(argument)) {
    list += (list.empty() ? "" : ", ") + ("`" + std::string(choice) + "`");
  }
  if (!list.empty()) text += ": " + list;
  if (argument.type == Type::integer) text += " (a number)";
  if (argument.optional) text += " (may be left out)";
  return markdown(text);
}

std::string reference() {
  std::string text =
      "# starlingctl\n"
      "<!-- Made by `./x docs` from src/commands; change it there. -->\n"
      "\n"
      "Gives commands to a running node, over the Unix socket that its option `ctl_socket` names.\n"
      "Only root and the user the node runs as may do so. `starlingctl help COMMAND` shows here\n"
      "what this page says of it. What ejabberdctl calls the same is in\n"
      "[from-ejabberd.md](from-ejabberd.md#commands).\n"
      "\n"
      "- `--socket PATH`: the node's `ctl_socket`; else `$STARLING_CTL_SOCKET`, else\n"
      "  /run/starling/ctl.sock.\n"
      "- `--format json`: the answer as one line of JSON, for programs: `{\"ok\": true, "
      "\"result\":\n"
      "  ...}` or `{\"ok\": false, \"error\": \"...\"}`. Else lines of text; where there are "
      "several\n"
      "  values on one, tabs part them.\n"
      "- Exit codes: 0 done, 1 refused by the node, 2 no node answers or bad usage.\n"
      "- A `PASSWORD` is best left out: it is asked for on a terminal, else read from standard\n"
      "  input, one line. Given with the command it is wiped from the list of processes, but the\n"
      "  shell's history keeps it.\n"
      "- `starlingctl completion bash` and `starlingctl completion zsh` print completion for the\n"
      "  shell: `eval \"$(starlingctl completion bash)\"`.\n"
      "\n";
  for (const Tag& tag : tags()) {
    text += "- [" + std::string(tag.title) + "](#" + anchor(tag.title) + "):";
    std::string separator = " ";
    for (const Command& command : all()) {
      if (command.tag != tag.name) continue;
      text += separator + "[" + std::string(command.name) + "](#" + std::string(command.name) + ")";
      separator = ", ";
    }
    text += "\n";
  }
  for (const Tag& tag : tags()) {
    text += "\n## " + std::string(tag.title) + "\n\n";
    for (const Command& command : all()) {
      if (command.tag == tag.name) text += describe(command);
    }
    text.pop_back();
  }
  return text;
}

}  // namespace starling::commands
