#include "store/sqlite_writer.h"

#include <sys/stat.h>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <utility>

namespace starling::store::sqlite {

namespace {

using Clock = std::chrono::steady_clock;  // to tell how late it is

// 0: there is no such file.
std::uint64_t inode_of(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

}  // namespace

Writer::Writer(Connection db, std::size_t max_queued)
    : max_queued_(max_queued),
      db_(std::move(db)),
      inode_(inode_of(db_.path())),
      failures_("file", db_.path()),
      waiting_metric_(waiting_writes([this] { return waiting_.load(); })) {}

Task<Result<>> Writer::write(Job job, std::size_t bytes) {
  EventLoop* loop = EventLoop::current();
  assert(loop != nullptr && "the store is called from event loops");
  if (full()) co_return fail(Errc::unavailable, "too many writes wait for " + db_.path());
  bytes += sizeof(Pending);
  Completion<Result<>> done([this, loop, &job, bytes](auto resume) {
    enqueue(Pending{std::move(job), loop, std::move(resume), {}, Clock::now(), bytes});
  });
  co_return co_await done;
}

Stats Writer::stats() const {
  std::lock_guard lock(mutex_);
  return stats_;
}

Duration Writer::take_lag() {
  const Duration slowest = slowest_.take();
  std::lock_guard lock(mutex_);
  return draining_ ? std::max(slowest, Clock::now() - oldest_asked_) : slowest;
}

bool Writer::full() const {
  std::lock_guard lock(mutex_);
  return queue_.size() >= max_queued_;
}

void Writer::enqueue(Pending pending) {
  ++waiting_;
  waiting_bytes_ += pending.bytes;
  {
    std::lock_guard lock(mutex_);
    const TimePoint asked = pending.asked;
    queue_.push_back(std::move(pending));
    crowded_ = queue_.size() > max_queued_ / kCrowdedPart;
    if (std::exchange(draining_, true)) return;
    oldest_asked_ = asked;
  }
  thread_.submit([this] { drain(); });
}

void Writer::drain() {
  for (;;) {
    Batch batch;
    {
      std::lock_guard lock(mutex_);
      if (queue_.empty()) {
        draining_ = false;
        return;
      }
      batch.swap(queue_);
      oldest_asked_ = batch.front().asked;
      crowded_ = false;
    }
    run(batch);
    answer(std::move(batch));
  }
}

void Writer::run(Batch& batch) {
  const Result<> committed = run_jobs(batch);
  if (!committed) {
    // Also those that failed by themselves: what they failed on may not be there now.
    const Error error{Errc::unavailable, committed.error().message};
    for (auto& pending : batch) pending.outcome = std::unexpected(error);
  }
  note(batch, committed);
}

Result<> Writer::run_jobs(Batch& batch) {
  db_.roll_back();  // should a failed batch's roll-back have failed too
  if (auto begun = db_.exec("BEGIN IMMEDIATE"); !begun) return begun;
  bool changed = false;
  for (auto& pending : batch) {
    pending.outcome = run_job(pending);
    changed = changed || pending.outcome.has_value();
    // SQLite rolls back by itself on some errors, and takes the writes before this one along.
    if (!db_.in_transaction()) return pending.outcome;
  }
  return end(changed);
}

Result<> Writer::run_job(Pending& pending) {
  if (auto saved = db_.exec("SAVEPOINT job"); !saved) return saved;
  Result<> outcome = pending.job(db_);
  if (!db_.in_transaction()) {
    assert(!outcome && "a job ended the transaction");
    return outcome;
  }
  if (!outcome) {
    if (auto undone = db_.exec("ROLLBACK TO job"); !undone) {
      db_.roll_back();
      return undone;
    }
  }
  if (auto released = db_.exec("RELEASE job"); !released) {
    db_.roll_back();
    return released;
  }
  return outcome;
}

// A failed COMMIT may leave the transaction open.
Result<> Writer::end(bool commit) {
  Result<> ended = db_.exec(commit ? "COMMIT" : "ROLLBACK");
  if (!ended) db_.roll_back();
  return ended && commit ? still_there() : ended;
}

Result<> Writer::still_there() const {
  if (inode_of(db_.path()) == inode_ && inode_of(db_.path() + "-wal") != 0) return {};
  return fail(Errc::unavailable,
              db_.path() +
                  " or its -wal was removed or replaced while in use; put back what was "
                  "there, or stop the node, restore a backup and start it");
}

void Writer::note(const Batch& batch, const Result<>& committed) {
  Stats now;
  const Error* first_error = nullptr;  // of what only the operator can mend
  for (const auto& pending : batch) {
    if (pending.outcome) {
      ++now.writes;
    } else if (needs_operator(pending.outcome.error())) {
      if (first_error == nullptr) first_error = &pending.outcome.error();
      ++now.unavailable;
    }
  }
  if (first_error != nullptr) {
    failures_.failed(committed ? "store_write_failed" : "store_commit_failed", now.unavailable,
                     *first_error);
  } else if (now.writes > 0) {
    failures_.recovered("store_recovered");
  }

  std::lock_guard lock(mutex_);
  stats_.writes += now.writes;
  stats_.commits += now.writes > 0 ? 1 : 0;
  stats_.unavailable += now.unavailable;
}

void Writer::answer(Batch batch) {
  const TimePoint now = Clock::now();
  waiting_ -= batch.size();
  slowest_.note(now - batch.front().asked);
  for (auto& pending : batch) {
    commit_seconds().observe(now - pending.asked);
    waiting_bytes_ -= pending.bytes;
    EventLoop* loop = pending.loop;
    loop->post([resume = std::move(pending.resume),
                outcome = std::move(pending.outcome)]() mutable { resume(std::move(outcome)); });
  }
}

}  // namespace starling::store::sqlite
