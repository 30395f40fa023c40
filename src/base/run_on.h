// run_on: does something on another loop's thread and comes back with the result.
#pragma once

#include <type_traits>
#include <utility>

#include "base/event_loop.h"
#include "base/task.h"

namespace starling {

// `fn` runs on `target`'s thread; the caller resumes on its own loop. Both loops must be running.
template <class Fn, class T = std::invoke_result_t<Fn>>
Task<T> run_on(EventLoop& target, Fn fn) {
  EventLoop* home = EventLoop::current();
  Completion<T> done([home, &target, &fn](auto resume) {
    target.post([home, fn = std::move(fn), resume = std::move(resume)]() mutable {
      home->post(
          [value = fn(), resume = std::move(resume)]() mutable { resume(std::move(value)); });
    });
  });
  co_return co_await done;
}

}  // namespace starling
