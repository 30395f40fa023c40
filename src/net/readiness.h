// Readiness: tells the sockets of one loop when there is something to read, or room to write.
//
// An epoll set of ours inside Asio's. Asio re-arms every wait of every socket by a system call of
// its own and keeps some 400 bytes for each socket that waits; here a socket is registered once
// and for all (edge-triggered), and costs the 16 bytes of the pointer that keeps it alive.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

namespace starling::net {

// Something with a file descriptor, watched by one Readiness at a time.
class Watched {
 public:
  virtual ~Watched() = default;
  // `events` as epoll_wait gives them. Each change is told once: what is not read or written until
  // EAGAIN (or a read shorter than its buffer) is for the watched itself to remember. 0: it has
  // asked for another go.
  virtual void on_ready(std::uint32_t events) = 0;

 private:
  friend class Readiness;
  std::uint32_t place_ = 0;  // in Readiness::watched_
};

// Used on its loop's thread.
class Readiness {
 public:
  explicit Readiness(boost::asio::io_context& context);
  ~Readiness();
  Readiness(const Readiness&) = delete;
  Readiness& operator=(const Readiness&) = delete;

  // From now on `watched` is told, and kept alive. What is ready already is told as well. False
  // with errno if the kernel refuses.
  [[nodiscard]] bool add(int fd, std::shared_ptr<Watched> watched);
  // It is not told any more; it lives on until the end of the turn. Before `fd` is closed.
  void remove(int fd, Watched& watched);

  // Another go for one that has more to do, once all others that are ready had theirs.
  void again(std::shared_ptr<Watched> watched) { again_.push_back(std::move(watched)); }

  // For the loop. True if one watched was told; false: none is ready, and a handler of the
  // context's will run as soon as one is.
  bool run_one();
  [[nodiscard]] bool pending() const { return next_ < count_ || signalled_ || !again_.empty(); }
  void end_turn() { removed_.clear(); }

 private:
  using Epoll = boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type>;
  static constexpr std::size_t kMaxEvents = 128;  // fetched at once

  void fetch();
  void wait();

  Epoll epoll_;
  bool signalled_ = false;  // some may be ready that have not been fetched
  std::array<epoll_event, kMaxEvents> events_{};
  std::size_t next_ = 0;   // of events_
  std::size_t count_ = 0;  // of events_
  std::deque<std::shared_ptr<Watched>> again_;
  std::size_t again_due_ = 0;  // of again_, before more events are fetched
  std::vector<std::shared_ptr<Watched>> watched_;
  std::vector<std::shared_ptr<Watched>> removed_;  // in this turn
};

}  // namespace starling::net
