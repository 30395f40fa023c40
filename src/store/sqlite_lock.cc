#include "store/sqlite_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

namespace starling::store::sqlite {

namespace {

// The pid written in the lock file, or "" if there is none.
std::string holder_of(int fd) {
  std::array<char, 16> text{};
  const ssize_t size = ::pread(fd, text.data(), text.size(), 0);
  std::string pid;
  for (ssize_t i = 0; i < size && text[i] >= '0' && text[i] <= '9'; ++i) pid += text[i];
  return pid;
}

}  // namespace

std::string resolved(const std::string& database) {
  std::error_code unresolved;
  const auto path = std::filesystem::weakly_canonical(database, unresolved);
  return unresolved ? database : path.string();
}

Result<FileLock> FileLock::acquire(const std::string& database) {
  const std::string path = database + ".lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return fail(Errc::unavailable,
                path + " cannot be opened (" + std::generic_category().message(errno) +
                    "); check that its folder exists and this user may write there");
  }
  FileLock lock(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const std::string pid = holder_of(fd);
    return fail(Errc::unavailable, database + " is in use by another process" +
                                       (pid.empty() ? "" : " (pid " + pid + ")") +
                                       "; stop that one first, or give this one its own file");
  }
  // Only for people and the message above; the lock itself does not depend on it.
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd, 0) == 0) (void)!::pwrite(fd, pid.data(), pid.size(), 0);
  return lock;
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace starling::store::sqlite
