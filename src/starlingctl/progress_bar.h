// ProgressBar: one line on a terminal that says how far something is; nothing elsewhere.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <string>
#include <string_view>

namespace starling::starlingctl {

class ProgressBar {
 public:
  // `done` of `of` is done of this step. Each step has a line of its own.
  void show(std::string_view step, std::uint64_t done, std::uint64_t of) {
    if (!on_terminal_) return;
    if (step != step_) end();
    step_ = step;
    constexpr std::size_t kWidth = 40;
    const std::size_t full = of == 0 ? kWidth : std::min(kWidth, kWidth * done / of);
    std::cerr << "\r" << step_ << std::string(kStep - std::min(kStep, step_.size()), ' ') << " ["
              << std::string(full, '#') << std::string(kWidth - full, ' ') << "] " << done << " / "
              << of << std::flush;
  }
  void end() {
    if (on_terminal_ && !step_.empty()) std::cerr << '\n';
    step_.clear();
  }

 private:
  static constexpr std::size_t kStep = 22;
  const bool on_terminal_ = ::isatty(STDERR_FILENO) == 1;
  std::string step_;
};

}  // namespace starling::starlingctl
