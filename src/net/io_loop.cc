#include "net/io_loop.h"

#include <boost/asio/post.hpp>
#include <chrono>
#include <utility>

namespace starling::net {

namespace {
// How long one turn may go on with what others have posted, and with sockets, before its output is
// flushed: a client that sends without pause must not hold up what the others are to get.
constexpr std::chrono::microseconds kTurnBudget{4'000};
constexpr std::size_t kPooledBuffers = 64;
constexpr std::size_t kPooledBufferBytes = 65'536;
}  // namespace

IoLoop::IoLoop()
    : work_(boost::asio::make_work_guard(context_)),
      wake_(context_),
      readiness_(context_),
      read_scratch_(kScratchBytes),
      plain_scratch_(kScratchBytes) {}

IoLoop::~IoLoop() = default;

void IoLoop::run() {
  set_current(this);
  while (!stopped_) {
    if (!readiness_.pending()) context_.run_one();
    // Each has its own time, so that neither keeps the other waiting.
    auto until = std::chrono::steady_clock::now() + kTurnBudget;
    while (context_.poll_one() > 0 && std::chrono::steady_clock::now() < until) {
    }
    until = std::chrono::steady_clock::now() + kTurnBudget;
    while (readiness_.run_one() && std::chrono::steady_clock::now() < until) {
    }
    end_turn();
  }
  set_current(nullptr);
}

void IoLoop::stop() {
  post([this] { stopped_ = true; });
}

void IoLoop::post(Callback fn) {
  bool first;
  {
    std::lock_guard lock(inbox_mutex_);
    first = inbox_.empty();
    inbox_.push_back(std::move(fn));
  }
  if (first) boost::asio::post(context_, [this] { drain_inbox(); });
}

void IoLoop::drain_inbox() {
  {
    std::lock_guard lock(inbox_mutex_);
    running_.swap(inbox_);
  }
  for (auto& fn : running_) fn();
  running_.clear();
}

void IoLoop::end_turn() {
  // What runs here may queue more; that belongs to the same turn.
  for (std::size_t i = 0; i < turn_end_.size(); ++i) std::exchange(turn_end_[i], nullptr)();
  turn_end_.clear();
  readiness_.end_turn();
  now_fresh_ = false;
}

TimePoint IoLoop::now() const {
  if (!now_fresh_) {
    now_ = std::chrono::steady_clock::now();
    now_fresh_ = true;
  }
  return now_;
}

TimerId IoLoop::run_after(Duration delay, Callback fn) {
  const TimerId id = ++last_timer_;
  const TimePoint due = now() + delay;
  timers_.emplace(std::pair{due, id}, std::move(fn));
  timer_times_.emplace(id, due);
  arm_timer();
  return id;
}

void IoLoop::cancel(TimerId id) {
  const auto found = timer_times_.find(id);
  if (found == timer_times_.end()) return;
  timers_.erase({found->second, id});
  timer_times_.erase(found);
}

void IoLoop::arm_timer() {
  if (timers_.empty()) return;
  const TimePoint due = timers_.begin()->first.first;
  if (due >= armed_for_) return;
  armed_for_ = due;
  wake_.expires_at(due);
  wake_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;  // re-armed for an earlier time
    armed_for_ = TimePoint::max();
    run_due_timers();
  });
}

void IoLoop::run_due_timers() {
  now_fresh_ = false;
  while (!timers_.empty() && timers_.begin()->first.first <= now()) {
    auto node = timers_.extract(timers_.begin());
    timer_times_.erase(node.key().second);
    node.mapped()();
  }
  arm_timer();
}

std::string IoLoop::take_buffer() {
  if (buffers_.empty()) return {};
  std::string buffer = std::move(buffers_.back());
  buffers_.pop_back();
  return buffer;
}

void IoLoop::give_buffer(std::string buffer) {
  if (buffers_.size() >= kPooledBuffers || buffer.capacity() > kPooledBufferBytes) return;
  buffer.clear();
  buffers_.push_back(std::move(buffer));
}

}  // namespace starling::net
