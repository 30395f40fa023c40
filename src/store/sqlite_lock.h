// FileLock: keeps a second process away from a database file.
//
// A lock file of its own, because SQLite's locks on the database come and go with transactions.
// The kernel lets go of it when the process ends, however it ends; the file itself stays, since
// removing it would race with the next process that takes it.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace starling::store::sqlite {

// The one name of a database file, so that a link to it finds the same lock.
[[nodiscard]] std::string resolved(const std::string& database);

class FileLock {
 public:
  // Takes `<database>.lock`, made with mode 0600. unavailable: another process, named by its pid,
  // holds it, or the file cannot be made.
  static Result<FileLock> acquire(const std::string& database);

  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace starling::store::sqlite
