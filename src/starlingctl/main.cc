// starlingctl: gives a command to a running node over its Unix socket and prints the answer.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/version.h"
#include "commands/commands.h"
#include "starlingctl/completion.h"
#include "starlingctl/conversation.h"
#include "starlingctl/password.h"
#include "starlingctl/print.h"
#include "starlingctl/progress_bar.h"
#include "store/migrate_store.h"
#include "store/sqlite_restore.h"

namespace {

using starling::commands::Command;
using starling::commands::Type;
using starling::starlingctl::Json;
namespace ctl = starling::starlingctl;

// Exit codes; 0: done.
constexpr int kRefused = 1;
constexpr int kNoNode = 2;  // no node answers, or bad usage

constexpr std::chrono::seconds kPatience{60};

int complain(const std::string& message) {
  std::cerr << "starlingctl: " << message << '\n';
  return kNoNode;
}

// Prints the answer and gives the exit code.
int print(const Json& answer, const std::string& format) {
  if (format == "json") {
    std::cout << answer.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
  } else if (answer["ok"] == true && answer.contains("line")) {
    std::cout << ctl::line_text(answer["line"]) << std::flush;
  } else if (answer["ok"] == true) {
    std::cout << ctl::to_text(answer["result"]);
  } else {
    std::cerr << "starlingctl: " << answer.value("error", "refused") << '\n';
  }
  if (answer["ok"] != true) return kRefused;
  return answer.contains("result") && ctl::has_errors(answer["result"]) ? kRefused : 0;
}

int run(const std::string& socket, const std::string& format, const Command& command,
        const std::vector<std::string>& arguments) {
  std::string request;
  try {
    request = Json{{"command", command.name}, {"arguments", arguments}}.dump();
  } catch (const Json::exception&) {
    return complain("the arguments are not UTF-8");
  }
  int code = kNoNode;
  const auto done = ctl::converse(
      socket, request + "\n", command.takes_long ? std::chrono::seconds(0) : kPatience,
      [&](std::string_view line) {
        const Json answer = Json::parse(line, nullptr, false);
        if (!answer.is_object() || !answer.contains("ok")) {
          code = complain("the node's answer cannot be understood (is it of another version?)");
        } else {
          code = print(answer, format);
        }
      });
  return done ? code : complain(done.error().message);
}

// Commands that need the node stopped: done here.

int restore(const std::string& format, const std::string& file, const std::string& folder) {
  const std::string database = folder + "/starling.db";
  const auto restored = starling::store::restore_sqlite(file, database);
  if (!restored) return print({{"ok", false}, {"error", restored.error().message}}, format);
  Json result = Json::object();
  result["restored"] = database;
  result["accounts"] = restored->contents.accounts;
  result["map_entries"] = restored->contents.map_entries;
  result["log_entries"] = restored->contents.log_entries;
  if (!restored->kept.empty()) result["kept"] = restored->kept;
  return print({{"ok", true}, {"result", result}}, format);
}

int migrate_store(const std::string& format, const std::string& folder, const std::string& given) {
  const auto is_url = [](std::string_view text) { return text.contains("://"); };
  std::string url = given;
  // From a file, it shows in no list of processes.
  if (!is_url(url)) {
    std::ifstream file(given);
    if (!std::getline(file, url) || !is_url(url)) {
      return print({{"ok", false}, {"error", "URL is neither a URL nor a file with one"}}, format);
    }
  }
  ctl::ProgressBar bar;
  const auto migrated = starling::store::migrate_store(
      folder + "/starling.db", url, [&](const starling::store::MigrationProgress& progress) {
        bar.show(progress.step, progress.done, progress.of);
      });
  bar.end();
  if (!migrated) return print({{"ok", false}, {"error", migrated.error().message}}, format);
  return print({{"ok", true},
                {"result",
                 {{"accounts", migrated->accounts},
                  {"map_entries", migrated->map_entries},
                  {"log_entries", migrated->log_entries},
                  {"checksums", "equal"}}}},
               format);
}

int run_here(const std::string& format, const Command& command,
             const std::vector<std::string>& arguments) {
  starling::log::configure(starling::log::Level::error, starling::log::Format::text);
  const auto& work = command.name == "restore" ? restore : migrate_store;
  return work(format, arguments[0], arguments[1]);
}

int complete(const std::string& shell) {
  const std::string script = ctl::completion_script(shell);
  if (script.empty()) return complain("completion is there for bash and zsh");
  std::cout << script;
  return 0;
}

// The text in lines of at most 80 columns.
std::string wrap(std::string_view text) {
  constexpr std::size_t kColumns = 80;
  std::string out;
  while (text.size() > kColumns) {
    const std::size_t end = std::min(text.rfind(' ', kColumns), text.size());
    out.append(text.substr(0, end)) += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out.append(text);
}

// For a command line that cannot be understood.
std::string usage_mistake(const CLI::App* app, const CLI::Error& error) {
  std::string help = "starlingctl";
  for (const auto* command : app->get_subcommands()) help += " " + command->get_name();
  return std::string("starlingctl: ") + error.what() + "; see `" + help + " --help`\n";
}

void describe(CLI::App& app) {
  auto& words = *app.get_formatter();
  words.label("SUBCOMMAND", "COMMAND [ARGUMENTS]");
  words.label("Positionals", "Arguments");
  words.column_width(30);
  app.failure_message(usage_mistake);
  app.set_help_flag("--help,-h", "Print this help and exit");
  app.set_version_flag("--version", std::string(starling::kVersionText),
                       "Print the version and exit");
  app.footer(
      "`starlingctl help COMMAND` explains a command and its arguments.\n"
      "`starlingctl completion bash` (or zsh) prints completion for the shell.\n"
      "Example: starlingctl register alice example.org\n"
      "Exit codes: 0 done, 1 refused by the node, 2 no node answers or bad usage.");
}

std::string explain(const starling::commands::Argument& argument) {
  std::string text(argument.meaning);
  std::string list;
  for (const auto choice : starling::commands::choices(argument)) {
    list += (list.empty() ? ": " : ", ") + std::string(choice);
  }
  return text + list;
}

// One that may be left out can be given by its name as well: --users 1000.
std::string names_of(const starling::commands::Argument& argument) {
  std::string name(argument.name);
  if (!argument.optional || argument.secret()) return name;
  std::string option = name;
  std::ranges::transform(option, option.begin(), [](unsigned char c) { return std::tolower(c); });
  return name + ",--" + option;
}

// Adds a command with its help; parsing it fills in `chosen` and `arguments`.
void add_command(CLI::App& app, const Command& command, const std::string& group,
                 const Command*& chosen, std::vector<std::string>& arguments) {
  auto* sub = app.add_subcommand(std::string(command.name), std::string(command.summary));
  sub->group(group);
  sub->footer(wrap(command.effect) + "\n\nExample: " + std::string(command.example));
  CLI::Option* before = nullptr;
  for (const auto& argument : command.arguments) {
    auto* option = sub->add_option_function<std::string>(
        names_of(argument),
        [&arguments, is_file = argument.type == Type::file](const std::string& value) {
          arguments.push_back(is_file ? std::filesystem::absolute(value).string() : value);
        },
        explain(argument));
    option->required(!argument.optional && !argument.secret())->option_text(" ");
    if (before != nullptr) option->needs(before);
    before = argument.optional ? option : nullptr;
  }
  sub->final_callback([&chosen, &command] { chosen = &command; });
}

// Asks for the password that was left out, or is "-"; it is always the last argument.
starling::Result<> complete_password(const Command& command, std::vector<std::string>& arguments) {
  if (command.arguments.empty() || !command.arguments.back().secret()) return {};
  if (arguments.size() == command.arguments.size()) {
    if (arguments.back() != "-") return {};
    arguments.pop_back();
  }
  auto password = ctl::read_password(command.arguments.back().type == Type::new_password);
  if (!password) return std::unexpected(password.error());
  arguments.push_back(std::move(*password));
  return {};
}

// `starlingctl help COMMAND` is `starlingctl COMMAND --help`.
void turn_help_around(std::vector<std::string>& words) {
  auto help = words.begin();
  while (help != words.end() && help->starts_with("--")) {
    const bool has_value = *help == "--socket" || *help == "--format";
    help += has_value && words.end() - help > 1 ? 2 : 1;
  }
  if (help == words.end() || *help != "help") return;
  words.erase(help);
  words.emplace_back("--help");
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words = ctl::take_arguments(argc, argv);
  turn_help_around(words);
  CLI::App app{"Operates a running Starling node.", "starlingctl"};
  describe(app);
  std::string socket = "/run/starling/ctl.sock";
  std::string format = "text";
  std::string shell;
  bool reference = false;
  app.add_option(
         "--socket", socket,
         "The node's ctl_socket; else $" + std::string(ctl::kSocketVariable) + ", else " + socket)
      ->envname(ctl::kSocketVariable)
      ->option_text("PATH");
  app.add_option("--format", format, "How to print the answer: text (default) or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->option_text("FORMAT");
  app.add_flag("--print-reference", reference)->group("");  // hidden: for `./x docs`
  app.fallthrough();
  app.require_subcommand(0, 1);

  const Command* chosen = nullptr;
  std::vector<std::string> arguments;
  for (const auto& tag : starling::commands::tags()) {
    for (const auto& command : starling::commands::all()) {
      if (command.tag != tag.name) continue;
      add_command(app, command, std::string(tag.title), chosen, arguments);
    }
  }
  auto* completion = app.add_subcommand("completion", "Print completion for bash or zsh");
  completion->group("This program");
  completion->footer("Example: eval \"$(starlingctl completion bash)\"");
  completion->add_option("SHELL", shell, "bash or zsh")->required()->option_text(" ");

  app.allow_extras();  // of the program itself, for a word on them of our own
  try {
    std::ranges::reverse(words);  // as CLI11 wants them
    app.parse(std::move(words));
    app.require_subcommand(1);  // for its help; the word on a missing one is below
  } catch (const CLI::ParseError& error) {
    app.require_subcommand(1);
    return app.exit(error) == 0 ? 0 : kNoNode;
  }
  if (reference) {
    std::cout << starling::commands::reference();
    return 0;
  }
  if (completion->parsed()) return complete(shell);
  if (const auto unknown = app.remaining(); chosen == nullptr && !unknown.empty()) {
    return complain("there is no command '" + unknown.front() +
                    "'; `starlingctl --help` lists them");
  }
  if (chosen == nullptr) {
    std::cerr << app.help();
    return kNoNode;
  }
  if (!app.remaining().empty()) {
    return complain("'" + app.remaining().front() + "' is not understood; `starlingctl " +
                    std::string(chosen->name) + " --help` says what it takes");
  }
  if (auto good = complete_password(*chosen, arguments); !good) {
    return complain(good.error().message);
  }
  if (chosen->local) return run_here(format, *chosen, arguments);
  return run(socket, format, *chosen, arguments);
}
