// Engine: the one thread that talks to PostgreSQL, for all workers.
//
// Writes: what has gathered while a transaction was under way becomes the next one, all of it in
// one segment of one link, so that one commit serves many (and archive entries that follow each
// other become one statement of many rows). Reads go over links of their own, many under way at a
// time. While the database cannot be reached, calls wait for it, and fail as unavailable when
// their time is over.
//
// Invariants:
//  (1) A write is acknowledged only after the commit that holds it has returned.
//  (2) A write that fails fails alone: those of its transaction are made again without it.
//  (3) Writes take effect in the order they were queued.
//  (4) When the connection is lost and nobody knows whether a transaction happened, its writes are
//      made again, unless one more time would tell its caller something else; that one fails, and
//      so do those before it. With a fence none is made again before the session that had it has
//      ended.
//
// write(), append() and read() are thread-safe. Destruction finishes what is queued, as far as it
// can within its time.
#pragma once

#include <poll.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "base/event_loop.h"
#include "base/file_descriptor.h"
#include "base/peak.h"
#include "base/task.h"
#include "base/thread_pool.h"
#include "store/commit_metrics.h"
#include "store/failure_log.h"
#include "store/postgres.h"
#include "store/postgres_link.h"
#include "store/store.h"

namespace starling::store::postgres {

// An archive entry on its way; many become one statement.
struct Append {
  std::string owner;
  std::string log;
  LogEntry entry;
};

class Engine {
 public:
  // `link` is the one for writes; those for reads have neither its fence nor its channel. `name` is
  // the database's, for the log.
  Engine(LinkOptions link, std::string name, const PostgresOptions& options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Resume on the caller's loop: the rows, once what they say is durable; or why there are none.
  enum class Repeat : std::uint8_t { no, yes };  // whether it may be made twice
  Task<Result<Rows>> write(Query query, Repeat repeat = Repeat::yes);
  // Gives none; the error is exists if there is such an entry already.
  Task<Result<Rows>> append(Append append);
  Task<Result<Rows>> read(Query query);

  // Of max_queued: what is written within a fraction of a second.
  static constexpr std::size_t kCrowdedPart = 16;

  [[nodiscard]] Stats stats() const;
  [[nodiscard]] std::uint64_t waiting_bytes() const { return waiting_bytes_; }
  [[nodiscard]] bool crowded() const {
    return waiting_writes_.load(std::memory_order_relaxed) > options_.max_queued / kCrowdedPart;
  }
  // See Store.
  Duration take_lag();

 private:
  struct Write {
    std::variant<Query, Append> what;
    bool repeatable = true;
  };
  using Answer = Result<Rows>;
  // A call that waits for its answer.
  struct Call {
    Write what;
    EventLoop* loop;
    Completion<Answer>::Resume resume;
    Clock::time_point asked;
    Clock::time_point until;
    bool made_before = false;  // and nobody knows with what success
    std::size_t bytes = 0;     // of a write
  };
  using Calls = std::deque<Call>;
  // A transaction: each of its statements is one call, or some that append.
  struct Batch {
    Calls calls;
    std::vector<std::size_t> sizes;  // of statements, in calls
  };

  static constexpr Clock::time_point kNone = Clock::time_point::max();

  Task<Answer> call(Write what, Calls Engine::* inbox, std::atomic<std::size_t>& waiting);
  void wake();

  // On the thread.
  void run();
  [[nodiscard]] bool collect();
  void expire(Calls& calls, Clock::time_point now);
  void send_writes(Clock::time_point now);
  void send_reads();
  void tell_oldest(Clock::time_point now);
  void written(Batch& batch, Outcome outcome);
  void append_answers(Batch& batch, std::size_t first, std::size_t size, const Rows& added);
  void make_again(Batch& batch, std::size_t careful);
  void made_perhaps(Batch& batch, const Failure& failure);
  void failed_at(Batch& batch, const Failure& failure);
  void read_done(Call& call, Outcome outcome);
  void wait(Clock::time_point now);
  void step_links();
  void watch_links();
  void answer(Call& call, Answer answer, std::atomic<std::size_t>& waiting);

  const PostgresOptions options_;
  const std::string name_;
  FailureLog failures_;     // of calls
  FailureLog unreachable_;  // of links
  const FileDescriptor wake_;
  std::atomic<std::size_t> waiting_writes_ = 0;
  std::atomic<std::size_t> waiting_reads_ = 0;
  Peak slowest_;                                        // of writes
  std::atomic<Clock::time_point> oldest_write_{kNone};  // since when it waits for its commit
  std::atomic<std::uint64_t> waiting_bytes_ = 0;        // of the writes

  mutable std::mutex mutex_;  // guards what follows, to the blank line
  Calls new_writes_;
  Calls new_reads_;
  bool stopping_ = false;
  Stats stats_;

  // Of the thread. The first link is for writes, the others for reads.
  std::vector<std::unique_ptr<Link>> links_;
  std::vector<pollfd> polled_;  // wake_, then the links
  Calls writes_;
  Calls reads_;
  Calls lost_reads_;                 // to be asked again
  std::size_t careful_ = 0;          // so many writes are made one by one: one of them fails
  Clock::time_point not_before_{};   // writes: the database asked for a pause
  Clock::time_point batch_asked_{};  // when the oldest write under way was
  Clock::time_point cut_off_{};      // when the link for writes was last not ready

  const std::unique_ptr<metrics::Observed> waiting_metric_;
  ThreadPool thread_{1, "store-postgres"};  // last: it stops before what it uses goes
};

}  // namespace starling::store::postgres
