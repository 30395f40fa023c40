// all_left: closes a gate, and a coroutine outside it waits until the last one has left.
#pragma once

#include <utility>

#include "base/task.h"

namespace starling {

inline Completion<bool> all_left(Gate& gate) {
  return Completion<bool>([&gate](auto resume) {
    gate.close([resume = std::move(resume)]() mutable { resume(true); });
  });
}

}  // namespace starling
