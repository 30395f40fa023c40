// Writer: the one thread that changes the database, with group commit.
//
// It takes every write queued so far, runs them in one transaction and commits once; while that
// commit waits for the disk, the next batch gathers. So an idle server answers at once and a busy
// one pays one fsync for many writes.
//
// Invariants:
//  (1) A write is acknowledged only after the COMMIT that holds it has returned.
//  (2) Each write runs in a savepoint: its failure undoes and fails itself only.
//  (3) If the COMMIT fails, or the transaction is lost on the way, every write of it fails as
//      unavailable, and the next batch starts afresh.
//  (4) Writes take effect in the order they were queued.
//  (5) What was committed to files that are not in their folder any more (removed, moved, replaced)
//      is not acknowledged: nobody would find it again.
//
// write() is thread-safe. Destruction commits what is queued.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/event_loop.h"
#include "base/peak.h"
#include "base/task.h"
#include "base/thread_pool.h"
#include "store/commit_metrics.h"
#include "store/failure_log.h"
#include "store/sqlite_db.h"
#include "store/store.h"

namespace starling::store::sqlite {

class Writer {
 public:
  // Runs on the writer's thread, inside a transaction that it neither begins nor ends.
  using Job = std::move_only_function<Result<>(Connection&)>;

  Writer(Connection db, std::size_t max_queued);

  // Resumes on the caller's loop when the job's changes are durable, or with why they are not. So
  // many bytes of texts are in the job, as far as they are worth counting.
  Task<Result<>> write(Job job, std::size_t bytes = 0);

  [[nodiscard]] Stats stats() const;
  [[nodiscard]] std::uint64_t waiting_bytes() const { return waiting_bytes_; }
  [[nodiscard]] bool crowded() const { return crowded_.load(std::memory_order_relaxed); }
  // See Store.
  Duration take_lag();

 private:
  struct Pending {
    Job job;
    EventLoop* loop;
    Completion<Result<>>::Resume resume;
    Result<> outcome;
    TimePoint asked;
    std::size_t bytes;
  };
  using Batch = std::vector<Pending>;

  bool full() const;
  void enqueue(Pending pending);
  void drain();
  void run(Batch& batch);
  Result<> run_jobs(Batch& batch);
  Result<> run_job(Pending& pending);
  Result<> end(bool commit);
  [[nodiscard]] Result<> still_there() const;
  void note(const Batch& batch, const Result<>& committed);
  void answer(Batch batch);

  // Of max_queued: what is written within a fraction of a second.
  static constexpr std::size_t kCrowdedPart = 16;

  const std::size_t max_queued_;
  Connection db_;
  const std::uint64_t inode_;  // of the database file
  FailureLog failures_;

  std::atomic<bool> crowded_ = false;
  std::atomic<std::size_t> waiting_ = 0;  // those of the batch under way, too
  Peak slowest_;
  std::atomic<std::uint64_t> waiting_bytes_ = 0;
  mutable std::mutex mutex_;  // guards what follows
  Batch queue_;
  bool draining_ = false;
  TimePoint oldest_asked_{};  // of what waits, while draining
  Stats stats_;

  const std::unique_ptr<metrics::Observed> waiting_metric_;
  ThreadPool thread_{1, "store-write"};  // last: it stops before what it uses goes
};

}  // namespace starling::store::sqlite
