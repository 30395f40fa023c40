// Readers: threads that answer queries, each with a connection of its own, beside the writer.
//
// WAL gives every query the state of the last commit: a read that starts after a write's Task has
// finished sees that write. read() is thread-safe. There is at least one connection.
#pragma once

#include <cassert>
#include <cstddef>
#include <functional>
#include <mutex>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/task.h"
#include "base/thread_pool.h"
#include "store/failure_log.h"
#include "store/sqlite_db.h"

namespace starling::store::sqlite {

class Readers {
 public:
  Readers(std::vector<Connection> connections, std::size_t max_queued)
      : max_queued_(max_queued),
        failures_("file", connections.at(0).path()),
        idle_(std::move(connections)),
        threads_(idle_.size(), "store-read") {}

  // Runs `query(connection)`, which gives a Result, and resumes the caller with it on its own loop.
  template <class Fn, class T = std::invoke_result_t<Fn&, Connection&>>
  Task<T> read(Fn query) {
    if (threads_.queued() >= max_queued_) {
      co_return fail(Errc::unavailable, "too many reads wait for the database");
    }
    auto job = [this, query = std::move(query)]() mutable {
      Connection db = take();
      T result = query(db);
      if (!result && needs_operator(result.error())) {
        failures_.failed("store_read_failed", 1, result.error());
      }
      give_back(std::move(db));
      return result;
    };
    co_return co_await threads_.run(std::move(job));
  }

 private:
  // There are as many connections as threads, so one is always idle here.
  Connection take() {
    std::lock_guard lock(mutex_);
    assert(!idle_.empty());
    Connection db = std::move(idle_.back());
    idle_.pop_back();
    return db;
  }
  void give_back(Connection db) {
    std::lock_guard lock(mutex_);
    idle_.push_back(std::move(db));
  }

  const std::size_t max_queued_;
  FailureLog failures_;
  std::mutex mutex_;  // guards idle_
  std::vector<Connection> idle_;
  ThreadPool threads_;  // last: they stop before what they use goes
};

}  // namespace starling::store::sqlite
