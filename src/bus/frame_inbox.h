// FrameInbox: takes what libnats delivers on its thread to the loop, a burst with one post.
//
// Bounded: what comes while too much waits for the loop is lost.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "base/event_loop.h"
#include "bus/nats_connection.h"

namespace starling::bus {

class FrameInbox : public std::enable_shared_from_this<FrameInbox> {
 public:
  static constexpr std::size_t kMaxBytes = std::size_t{64} << 20;

  explicit FrameInbox(EventLoop& loop) : loop_(loop) {}

  // Thread-safe.
  void push(Message message);

  // On the loop's thread.
  void on_frame(std::function<void(std::string_view)> handler) { handler_ = std::move(handler); }
  // There is no frame any more after it. A handler may call it.
  void close();

 private:
  void drain();

  EventLoop& loop_;
  std::function<void(std::string_view)> handler_;
  bool closed_ = false;
  std::vector<Message> taken_;  // what the loop is at
  std::size_t next_ = 0;        // of taken_

  std::mutex mutex_;
  std::vector<Message> waiting_;  // guarded by mutex_, as are these
  std::size_t bytes_ = 0;         // waiting and taken, but not handled
  bool posted_ = false;
};

}  // namespace starling::bus
