// IoLoop: the EventLoop of a real worker: one thread, one io_context.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/event_loop.h"
#include "net/readiness.h"

namespace starling::net {

class IoLoop final : public EventLoop {
 public:
  IoLoop();
  ~IoLoop() override;
  IoLoop(const IoLoop&) = delete;
  IoLoop& operator=(const IoLoop&) = delete;

  // Runs on the calling thread until stop(); what is posted before stop() still runs.
  void run();
  void stop();  // thread-safe

  void post(Callback fn) override;
  [[nodiscard]] TimePoint now() const override;
  TimerId run_after(Duration delay, Callback fn) override;
  void cancel(TimerId id) override;
  void at_turn_end(Callback fn) override { turn_end_.push_back(std::move(fn)); }

  // How much was posted that it has not begun with. Thread-safe.
  [[nodiscard]] std::size_t posted() const {
    std::lock_guard lock(inbox_mutex_);
    return inbox_.size();
  }

  [[nodiscard]] boost::asio::io_context& context() { return context_; }
  // For connections; listeners and the like may as well wait on the context.
  [[nodiscard]] Readiness& readiness() { return readiness_; }

  // Memory that every connection of this loop reads into; nothing in it outlives one call.
  static constexpr std::size_t kScratchBytes = 65'536;
  [[nodiscard]] char* read_scratch() { return read_scratch_.data(); }
  [[nodiscard]] char* plain_scratch() { return plain_scratch_.data(); }

  // Output buffers wander between the connections that have something to send.
  [[nodiscard]] std::string take_buffer();
  void give_buffer(std::string buffer);

 private:
  void drain_inbox();
  void end_turn();
  void arm_timer();
  void run_due_timers();

  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer wake_;
  Readiness readiness_;

  mutable std::mutex inbox_mutex_;
  std::vector<Callback> inbox_;  // guarded by inbox_mutex_
  std::vector<Callback> running_;

  std::vector<Callback> turn_end_;
  std::map<std::pair<TimePoint, TimerId>, Callback> timers_;
  std::unordered_map<TimerId, TimePoint> timer_times_;
  TimerId last_timer_ = 0;
  TimePoint armed_for_ = TimePoint::max();
  mutable TimePoint now_{};
  mutable bool now_fresh_ = false;
  bool stopped_ = false;

  std::vector<char> read_scratch_;
  std::vector<char> plain_scratch_;
  std::vector<std::string> buffers_;
};

}  // namespace starling::net
