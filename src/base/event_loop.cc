#include "base/event_loop.h"

namespace starling {

namespace {
thread_local EventLoop* t_current = nullptr;
}

EventLoop* EventLoop::current() {
  return t_current;
}

void EventLoop::set_current(EventLoop* loop) {
  t_current = loop;
}

}  // namespace starling
