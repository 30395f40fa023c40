// What people call this machine.
#pragma once

#include <unistd.h>

#include <array>
#include <string>

namespace starling {

// Its host name; "?" if it has none.
inline std::string machine_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "?";
  return name.data();
}

}  // namespace starling
