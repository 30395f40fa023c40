// starlingctl: gives a command to a running node over its Unix socket and prints the answer.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/version.h"
#include "commands/commands.h"

namespace {

using Json = nlohmann::json;

// One line there, one line back. Exit codes: 0 done, 1 refused by the node, 2 no node or bad usage.
constexpr int kRefused = 1;
constexpr int kNoNode = 2;

std::string ask(const std::string& path, const std::string& line, std::string& error) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    error = "the socket's path is too long";
    return {};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    error = "no node answers at " + path + ": " + std::strerror(errno) +
            " (is starlingd running, and is --socket its ctl_socket?)";
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
  for (ssize_t n = 0; (n = ::read(fd, buffer, sizeof buffer)) > 0;) {
    answer.append(buffer, static_cast<std::size_t>(n));
  }
  ::close(fd);
  if (answer.empty()) error = "the node ended the conversation without an answer";
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

int run(const std::string& socket, const std::string& format, const std::string& command,
        const std::vector<std::string>& arguments) {
  const Json request{{"command", command}, {"arguments", arguments}};
  std::string error;
  const std::string line = ask(
      socket, request.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n", error);
  const Json answer = Json::parse(line, nullptr, false);
  if (error.empty() && (!answer.is_object() || !answer.contains("ok"))) {
    error = "the node's answer cannot be understood";
  }
  if (!error.empty()) {
    std::cerr << "starlingctl: " << error << '\n';
    return kNoNode;
  }
  if (format == "json") {
    std::cout << answer.dump() << '\n';
  } else if (answer["ok"] == true) {
    print_text(answer["result"]);
  } else {
    std::cerr << "starlingctl: " << answer.value("error", "refused") << '\n';
  }
  return answer["ok"] == true ? 0 : kRefused;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Operates a running Starling node."};
  app.set_version_flag("--version", std::string(starling::kVersionText));
  std::string socket = "/run/starling/ctl.sock";
  std::string format = "text";
  app.add_option("--socket", socket, "The node's ctl_socket")
      ->envname("STARLING_CTL_SOCKET")
      ->capture_default_str();
  app.add_option("--format", format, "How to print the answer")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  app.require_subcommand(1);
  app.fallthrough();
  app.footer("Example: starlingctl register alice example.org 'correct horse'\n"
             "`starlingctl COMMAND --help` explains a command.");

  std::string chosen;
  std::vector<std::string> arguments;
  arguments.reserve(8);
  for (const auto& command : starling::commands::all()) {
    auto* sub = app.add_subcommand(std::string(command.name), std::string(command.summary));
    sub->footer(std::string(command.effect) + "\nExample: " + std::string(command.example));
    for (std::size_t i = 0; i < command.arguments.size(); ++i) {
      const auto& argument = command.arguments[i];
      sub->add_option_function<std::string>(
             std::string(argument.name),
             [&arguments](const std::string& value) { arguments.push_back(value); },
             std::string(argument.meaning))
          ->required();
    }
    sub->final_callback([&chosen, &command] { chosen = command.name; });
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : kNoNode;
  }
  return run(socket, format, chosen, arguments);
}
