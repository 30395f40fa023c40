// starlingctl: gives a command to a running node over its Unix socket and prints the answer.
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/version.h"
#include "commands/commands.h"
#include "store/sqlite_restore.h"

namespace {

using Json = nlohmann::json;

constexpr const char* kSocketVariable = "STARLING_CTL_SOCKET";

// Exit codes; 0: done.
constexpr int kRefused = 1;
constexpr int kNoNode = 2;  // no node answers, or bad usage

constexpr time_t kPatienceSeconds = 60;
constexpr time_t kNoLimit = 0;  // as SO_RCVTIMEO understands it

int complain(const std::string& message) {
  std::cerr << "starlingctl: " << message << '\n';
  return kNoNode;
}

std::string why_not_connected(const std::string& path, int error) {
  const std::string start = "no node answers at " + path + ": " + std::strerror(error);
  if (error == EACCES) return start + " (only root and the user the node runs as may speak to it)";
  return start + " (is starlingd running, and is this its ctl_socket? --socket PATH or " +
         kSocketVariable + " names another)";
}

// One line there, one line back.
std::string ask(const std::string& path, const std::string& line, time_t patience_seconds,
                std::string& error) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    error = "the socket's path is too long";
    return {};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{.tv_sec = patience_seconds, .tv_usec = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    error = why_not_connected(path, errno);
    ::close(fd);
    return {};
  }
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t n = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n <= 0) break;
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  std::string answer;
  char buffer[4096];
  ssize_t n = 0;
  while ((n = ::read(fd, buffer, sizeof buffer)) > 0) {
    answer.append(buffer, static_cast<std::size_t>(n));
  }
  if (n < 0 && errno == EAGAIN) {
    error = "the node has not answered for " + std::to_string(patience_seconds) +
            " seconds; whether it does what it was asked is not known (its log may tell)";
  } else if (answer.empty()) {
    error = "the node ended the conversation without an answer";
  }
  ::close(fd);
  return answer;
}

void print_text(const Json& value) {
  if (value.is_string()) {
    std::cout << value.get<std::string>() << '\n';
  } else if (value.is_array()) {
    for (const auto& item : value) print_text(item);
  } else if (value.is_object()) {
    for (const auto& [key, item] : value.items()) {
      std::cout << key << ": ";
      if (item.is_array()) {
        std::string separator;
        for (const auto& part : item) {
          std::cout << separator << (part.is_string() ? part.get<std::string>() : part.dump());
          separator = " ";
        }
        std::cout << '\n';
      } else {
        print_text(item);
      }
    }
  } else {
    std::cout << value.dump() << '\n';
  }
}

// Prints the answer and gives the exit code.
int print(const Json& answer, const std::string& format) {
  if (format == "json") {
    std::cout << answer.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
  } else if (answer["ok"] == true) {
    print_text(answer["result"]);
  } else {
    std::cerr << "starlingctl: " << answer.value("error", "refused") << '\n';
  }
  return answer["ok"] == true ? 0 : kRefused;
}

int run(const std::string& socket, const std::string& format,
        const starling::commands::Command& command, const std::vector<std::string>& arguments) {
  std::string request;
  try {
    request = Json{{"command", command.name}, {"arguments", arguments}}.dump();
  } catch (const Json::exception&) {
    return complain("the arguments are not UTF-8");
  }
  std::string error;
  const std::string line =
      ask(socket, request + "\n", command.takes_long ? kNoLimit : kPatienceSeconds, error);
  if (!error.empty()) return complain(error);
  const Json answer = Json::parse(line, nullptr, false);
  if (!answer.is_object() || !answer.contains("ok")) {
    return complain("the node's answer cannot be understood (is it of another version?)");
  }
  return print(answer, format);
}

// The one command that needs the node stopped.
int restore(const std::string& format, const std::string& file, const std::string& folder) {
  starling::log::configure(starling::log::Level::error, starling::log::Format::text);
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
  words.column_width(26);
  app.failure_message(usage_mistake);
  app.set_help_flag("--help,-h", "Print this help and exit");
  app.set_version_flag("--version", std::string(starling::kVersionText),
                       "Print the version and exit");
  app.footer(
      "`starlingctl COMMAND --help` explains a command and its arguments.\n"
      "Example: starlingctl register alice example.org 'correct horse'\n"
      "Exit codes: 0 done, 1 refused by the node, 2 no node answers or bad usage.");
}

// Adds a command with its help; parsing it fills in `chosen` and `arguments`.
void add_command(CLI::App& app, const starling::commands::Command& command,
                 const starling::commands::Command*& chosen, std::vector<std::string>& arguments) {
  auto* sub = app.add_subcommand(std::string(command.name), std::string(command.summary));
  sub->group("Commands");
  sub->footer(wrap(command.effect) + "\n\nExample: " + std::string(command.example));
  for (const auto& argument : command.arguments) {
    sub->add_option_function<std::string>(
           std::string(argument.name),
           [&arguments,
            is_file = argument.name == starling::commands::kFile](const std::string& value) {
             arguments.push_back(is_file ? std::filesystem::absolute(value).string() : value);
           },
           std::string(argument.meaning))
        ->required()
        ->option_text(" ");
  }
  sub->final_callback([&chosen, &command] { chosen = &command; });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Operates a running Starling node.", "starlingctl"};
  describe(app);
  std::string socket = "/run/starling/ctl.sock";
  std::string format = "text";
  app.add_option(
         "--socket", socket,
         "The node's ctl_socket; else $" + std::string(kSocketVariable) + ", else " + socket)
      ->envname(kSocketVariable)
      ->option_text("PATH");
  app.add_option("--format", format, "How to print the answer: text (default) or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->option_text("FORMAT");
  app.fallthrough();
  app.require_subcommand(0, 1);

  const starling::commands::Command* chosen = nullptr;
  std::vector<std::string> arguments;
  for (const auto& command : starling::commands::all()) {
    add_command(app, command, chosen, arguments);
  }
  app.allow_extras();  // of the program itself, for a word on them of our own
  try {
    app.parse(argc, argv);
    app.require_subcommand(1);  // for its help; the word on a missing one is below
  } catch (const CLI::ParseError& error) {
    app.require_subcommand(1);
    return app.exit(error) == 0 ? 0 : kNoNode;
  }
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
  if (chosen->local) return restore(format, arguments[0], arguments[1]);
  return run(socket, format, *chosen, arguments);
}
