// How the in-memory backend answers.
#pragma once

#include <cassert>
#include <utility>

#include "base/event_loop.h"
#include "base/task.h"

namespace starling::store {

// In a later turn of the caller's loop, as a real engine does.
template <class T>
Task<T> later(T value) {
  EventLoop* loop = EventLoop::current();
  assert(loop != nullptr && "the store is called from event loops");
  Completion<T> done([loop, &value](auto resume) {
    loop->post([&value, resume = std::move(resume)]() mutable { resume(std::move(value)); });
  });
  co_return co_await done;
}

}  // namespace starling::store
