#include "bus/frame_inbox.h"

#include <utility>

#include "bus/frame_metrics.h"

namespace starling::bus {

namespace {
// What one turn of the loop handles before others have theirs.
constexpr std::size_t kTurnBytes = std::size_t{1} << 20;
constexpr std::size_t kTurnFrames = 256;

std::size_t size_of(const Message& message) {
  return static_cast<std::size_t>(natsMsg_GetDataLength(message.get()));
}
}  // namespace

void FrameInbox::push(Message message) {
  const std::size_t size = size_of(message);
  {
    const std::lock_guard lock(mutex_);
    if (bytes_ + size > kMaxBytes) return frames_lost(Loss::receiver_slow).add();
    bytes_ += size;
    waiting_.push_back(std::move(message));
    if (std::exchange(posted_, true)) return;
  }
  loop_.post([self = shared_from_this()] { self->drain(); });
}

void FrameInbox::close() {
  closed_ = true;
  const std::lock_guard lock(mutex_);
  waiting_.clear();
}

void FrameInbox::drain() {
  if (next_ == taken_.size()) {
    taken_.clear();
    next_ = 0;
    const std::lock_guard lock(mutex_);
    taken_.swap(waiting_);
  }
  std::size_t bytes = 0;
  std::size_t frames = 0;
  while (!closed_ && next_ < taken_.size() && bytes < kTurnBytes && frames < kTurnFrames) {
    const Message message = std::move(taken_[next_++]);
    bytes += size_of(message);
    ++frames;
    if (handler_) handler_({natsMsg_GetData(message.get()), size_of(message)});
  }
  frames_received().add(frames);
  if (closed_) return taken_.clear();
  {
    const std::lock_guard lock(mutex_);
    bytes_ -= bytes;
    if (next_ == taken_.size() && waiting_.empty()) {
      posted_ = false;
      return;
    }
  }
  loop_.post([self = shared_from_this()] { self->drain(); });
}

}  // namespace starling::bus
