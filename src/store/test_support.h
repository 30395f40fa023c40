// What the store's tests share: a loop to call from, waiting for a Task, a temporary folder.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "base/manual_loop.h"
#include "base/task.h"
#include "base/temporary_folder.h"

namespace starling::store {

template <class T>
Task<void> collect(Task<T> task, std::optional<T>& out) {
  out.emplace(co_await std::move(task));
}

inline void pump_until_empty(ManualLoop& loop, const Gate& gate) {
  while (gate.count() > 0) {
    loop.run();
    std::this_thread::yield();
  }
}

template <class T>
T wait(ManualLoop& loop, Task<T> task) {
  std::optional<T> out;
  Gate gate;
  gate.spawn(collect(std::move(task), out));
  pump_until_empty(loop, gate);
  return std::move(*out);
}

}  // namespace starling::store
