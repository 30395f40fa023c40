#include "starlingctl/password.h"

#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <iostream>

#include "commands/commands.h"

namespace starling::starlingctl {

namespace {

termios g_before{};

// Ctrl-C while the password is typed: the terminal shall echo again.
extern "C" void restore_and_end(int signal) {
  ::tcsetattr(STDIN_FILENO, TCSANOW, &g_before);
  ::_exit(128 + signal);
}

class NoEcho {
 public:
  NoEcho() {
    ::tcgetattr(STDIN_FILENO, &g_before);
    std::signal(SIGINT, restore_and_end);
    std::signal(SIGTERM, restore_and_end);
    termios silent = g_before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  ~NoEcho() {
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &g_before);
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;
};

bool takes_password(std::string_view name) {
  const commands::Command* command = commands::find(name);
  return command != nullptr && std::ranges::any_of(command->arguments, &commands::Argument::secret);
}

}  // namespace

std::vector<std::string> take_arguments(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  bool wipe = false;
  for (int i = 1; i < argc; ++i) {
    if (wipe) {
      std::memset(argv[i], 0, std::strlen(argv[i]));
    } else {
      wipe = takes_password(argv[i]);
    }
  }
  return arguments;
}

Result<std::string> read_password(bool twice) {
  std::string password;
  if (::isatty(STDIN_FILENO) == 0) {
    if (!std::getline(std::cin, password)) {
      return fail(Errc::invalid, "there is no password on standard input");
    }
    return password;
  }
  const NoEcho quiet;
  std::cerr << "Password: " << std::flush;
  std::getline(std::cin, password);
  std::cerr << '\n';
  if (!twice) return password;
  std::string again;
  std::cerr << "The same again: " << std::flush;
  std::getline(std::cin, again);
  std::cerr << '\n';
  if (again != password) return fail(Errc::invalid, "the two passwords differ");
  return password;
}

}  // namespace starling::starlingctl
