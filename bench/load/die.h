// What went wrong is said in one line, and nothing is measured.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace load {

[[noreturn]] inline void die(std::string_view what) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(what.size()), what.data());
  std::exit(1);
}

}  // namespace load
