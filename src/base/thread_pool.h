// ThreadPool: threads for what blocks or burns CPU for long (PBKDF2, disk), so that no worker does.
//
// Thread-safe. Jobs run in the order they were given, on `threads` threads. Destruction runs what
// was queued, then joins.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/event_loop.h"
#include "base/task.h"

namespace starling {

class ThreadPool {
 public:
  // `name` shows in `top -H` (at most 15 characters).
  ThreadPool(std::size_t threads, std::string name);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  void submit(Callback job);
  [[nodiscard]] std::size_t queued() const;

  // Runs `fn` on the pool and resumes the caller, with fn's result, on the caller's own loop.
  template <class Fn, class T = std::invoke_result_t<Fn>>
  Task<T> run(Fn fn) {
    EventLoop* loop = EventLoop::current();
    Completion<T> done([this, loop, &fn](auto resume) {
      submit([loop, fn = std::move(fn), resume = std::move(resume)]() mutable {
        loop->post(
            [value = fn(), resume = std::move(resume)]() mutable { resume(std::move(value)); });
      });
    });
    co_return co_await done;
  }

 private:
  void work();

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Callback> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace starling
