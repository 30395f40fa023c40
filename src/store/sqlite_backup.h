// Backups: copies of the live database, one after the other, on a thread of their own.
//
// A copy is made inside one read transaction, so it is of one moment and writers go on. Until it
// ends, the write-ahead log cannot be begun anew and grows with what is written meanwhile.
// Thread-safe. Destruction ends what is under way.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>

#include "base/task.h"
#include "base/thread_pool.h"
#include "store/sqlite.h"
#include "store/store.h"

namespace starling::store::sqlite {

class Backups {
 public:
  Backups(std::string path, SqliteOptions options)
      : path_(std::move(path)), options_(std::move(options)) {}
  ~Backups() { cancel(); }

  Task<Result<Backup>> backup(std::string target);
  // From now on every backup fails as unavailable, also the one under way, soon.
  void cancel();

 private:
  Result<Backup> run(const std::string& target);
  bool pause();

  const std::string path_;
  const SqliteOptions options_;
  std::mutex mutex_;  // guards cancelled_
  std::condition_variable wake_;
  bool cancelled_ = false;
  ThreadPool thread_{1, "store-backup"};  // last: it stops before what it uses goes
};

}  // namespace starling::store::sqlite
