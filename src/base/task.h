// Task<T>: a coroutine that starts when awaited and resumes its awaiter when done.
//
// A Task runs on one event loop: it resumes only on the thread it was started on (blocking work
// goes through ThreadPool, which comes back to the caller's loop). Nothing is detached: a Task is
// either awaited, or spawned into a Gate that can be waited for.
//
// Parameters of a coroutine are copied into its frame; pass values, or references that the caller
// keeps alive until the co_await is over. Never make a capturing lambda itself a coroutine unless
// the lambda object outlives it.
#pragma once

#include <cassert>
#include <coroutine>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <optional>
#include <utility>

namespace starling {

template <class T = void>
class [[nodiscard]] Task;

namespace detail {

struct PromiseBase {
  std::coroutine_handle<> continuation = std::noop_coroutine();

  std::suspend_always initial_suspend() noexcept { return {}; }
  struct FinalAwaiter {
    bool await_ready() noexcept { return false; }
    template <class P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> h) noexcept {
      return h.promise().continuation;
    }
    void await_resume() noexcept {}
  };
  FinalAwaiter final_suspend() noexcept { return {}; }
  // Coroutines report by Result; an exception that reaches here is a bug (or out of memory).
  [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }
};

template <class T>
struct Promise : PromiseBase {
  std::optional<T> value;
  Task<T> get_return_object();
  template <class U>
  void return_value(U&& v) {
    value.emplace(std::forward<U>(v));
  }
  T take() { return std::move(*value); }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();
  void return_void() {}
  void take() {}
};

}  // namespace detail

template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  explicit Task(Handle h) : handle_(h) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  struct Awaiter {
    Handle handle;
    bool await_ready() { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) {
      handle.promise().continuation = awaiting;
      return handle;  // symmetric transfer: no stack growth in long chains
    }
    T await_resume() { return handle.promise().take(); }
  };
  Awaiter operator co_await() && { return Awaiter{handle_}; }

 private:
  Handle handle_;
};

namespace detail {

template <class T>
Task<T> Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

// The frame behind spawn(): starts at once, destroys itself at the end.
struct Spawned {
  struct promise_type {
    Spawned get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }
  };
};

}  // namespace detail

// A Task that has nothing left to do.
inline Task<void> completed() {
  co_return;
}

// Suspends the caller until `start(resume)` has had `resume(value)` called exactly once, on the
// caller's own loop thread. The bridge from callbacks to coroutines.
template <class T>
class Completion {
 public:
  using Resume = std::move_only_function<void(T)>;
  explicit Completion(std::move_only_function<void(Resume)> start) : start_(std::move(start)) {}
  bool await_ready() { return false; }
  void await_suspend(std::coroutine_handle<> h) {
    // The frame may be gone as soon as `resume` runs, so `start` must not live in it.
    auto start = std::move(start_);
    start([this, h](T value) {
      value_.emplace(std::move(value));
      h.resume();
    });
  }
  T await_resume() { return std::move(*value_); }

 private:
  std::move_only_function<void(Resume)> start_;
  std::optional<T> value_;
};

// Gate counts what runs, refuses newcomers once closed, and says when the last one has left.
// It is how an object's owner makes sure that no coroutine outlives what it uses.
// Used on one thread.
class Gate {
 public:
  using Callback = std::move_only_function<void()>;

  Gate() = default;
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate() { assert(count_ == 0 && "a coroutine outlives its gate"); }

  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] int count() const { return count_; }

  // Starts `task` at once; it holds the gate until it ends. False if the gate is closed already.
  bool spawn(Task<void> task) {
    if (closed_) return false;
    ++count_;
    ++generations_.back().inside;
    run(this, last_generation(), std::move(task));
    return true;
  }

  // No newcomers from now on; `when_empty` runs as soon as nobody is inside (perhaps at once).
  void close(Callback when_empty) {
    closed_ = true;
    when_empty_ = std::move(when_empty);
    leave_if_empty();
  }

  // Runs `fn` when all who are inside now have left (perhaps at once), whoever comes meanwhile:
  // then nothing uses any more what newcomers do not get to see.
  void after_present(Callback fn) {
    generations_.back().when_gone = std::move(fn);
    generations_.emplace_back();
    end_generations();
  }

 private:
  // Those who came between two calls of after_present.
  struct Generation {
    int inside = 0;
    Callback when_gone;
  };

  [[nodiscard]] std::size_t last_generation() const {
    return first_generation_ + generations_.size() - 1;
  }
  static detail::Spawned run(Gate* gate, std::size_t generation, Task<void> task) {
    {
      Task<void> owned = std::move(task);
      co_await std::move(owned);
    }
    --gate->count_;
    --gate->generations_[generation - gate->first_generation_].inside;
    gate->end_generations();
    gate->leave_if_empty();
  }
  // In order: one is over when it and all before it are.
  void end_generations() {
    while (generations_.size() > 1 && generations_.front().inside == 0) {
      Callback when_gone = std::move(generations_.front().when_gone);
      generations_.pop_front();
      ++first_generation_;
      when_gone();
    }
  }
  void leave_if_empty() {
    if (closed_ && count_ == 0 && when_empty_) std::exchange(when_empty_, nullptr)();
  }

  int count_ = 0;
  bool closed_ = false;
  Callback when_empty_;
  std::deque<Generation> generations_ = std::deque<Generation>(1);
  std::size_t first_generation_ = 0;
};

}  // namespace starling
