// Passwords: read where nobody sees them, and wiped from where everybody could.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace starling::starlingctl {

// The command line as it was. What follows a command that takes a password is wiped from the
// process's own argv at once, so that `ps` does not show it.
std::vector<std::string> take_arguments(int argc, char** argv);

// Asks on the terminal, without echo and, if `twice`, a second time; without a terminal it is one
// line of standard input. Errors: invalid.
Result<std::string> read_password(bool twice);

}  // namespace starling::starlingctl
