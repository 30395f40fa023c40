// Loop: one epoll for some ten thousand sockets.
#pragma once

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>

#include "die.h"

namespace load {

// Of a clock that only goes forward.
inline std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

inline std::int64_t to_ns(double seconds) {
  return static_cast<std::int64_t>(seconds * 1e9);
}

// Whoever has a socket in the loop. It must outlive the turn in which it closes the socket.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual void on_event(bool writable) = 0;
};

class Loop {
 public:
  Loop() = default;
  ~Loop() { close(epoll_); }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void add(int fd, Handler& handler, bool wants_write) {
    control(EPOLL_CTL_ADD, fd, handler, wants_write);
  }
  void watch(int fd, Handler& handler, bool wants_write) {
    control(EPOLL_CTL_MOD, fd, handler, wants_write);
  }

  // Waits for events, but no longer than this.
  void turn(int timeout_ms) {
    std::array<epoll_event, 256> events;
    const int count = epoll_wait(epoll_, events.data(), events.size(), timeout_ms);
    if (count < 0 && errno != EINTR) die("epoll_wait failed");
    for (int i = 0; i < count; ++i) {
      static_cast<Handler*>(events[i].data.ptr)->on_event((events[i].events & EPOLLOUT) != 0);
    }
  }

 private:
  void control(int operation, int fd, Handler& handler, bool wants_write) {
    epoll_event event{};
    event.events = EPOLLIN | (wants_write ? EPOLLOUT : 0U);
    event.data.ptr = &handler;
    if (epoll_ctl(epoll_, operation, fd, &event) != 0) die("epoll_ctl failed");
  }

  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
};

}  // namespace load
