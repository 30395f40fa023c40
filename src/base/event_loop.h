// EventLoop: one worker's thread seen from the layers above the sockets.
//
// Everything above net/ reaches time and other workers through this interface, so that the same
// code runs on a real worker (net/io_loop), in a unit test and in a simulator (ManualLoop).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

namespace starling {

using Callback = std::move_only_function<void()>;
using Duration = std::chrono::nanoseconds;
// Monotonic time of the loop; only differences mean anything.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;

using TimerId = std::uint64_t;  // 0 is never a timer

class EventLoop {
 public:
  virtual ~EventLoop() = default;

  // Runs `fn` on this loop's thread, after what is running now. Thread-safe. Calls posted by one
  // thread run in the order they were posted. A burst of posts costs one wake-up.
  virtual void post(Callback fn) = 0;

  // Monotonic time, read once per turn of the loop. On the loop's own thread only.
  [[nodiscard]] virtual TimePoint now() const = 0;

  // Runs `fn` once after `delay`. On the loop's own thread only, as is cancel.
  virtual TimerId run_after(Duration delay, Callback fn) = 0;
  virtual void cancel(TimerId id) = 0;

  // Runs `fn` at the end of the current turn, after all input of this turn has been handled.
  // What one turn queued for one socket leaves in one system call because of this.
  virtual void at_turn_end(Callback fn) = 0;

  // The loop whose thread this is, or nullptr outside of any loop.
  static EventLoop* current();

 protected:
  static void set_current(EventLoop* loop);
};

}  // namespace starling
