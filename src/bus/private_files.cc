#include "bus/private_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/file_descriptor.h"

namespace starling::bus {

namespace {
std::unexpected<Error> failed(const std::string& path, const char* what) {
  return fail(Errc::unavailable, path + ": " + what + ": " + std::strerror(errno));
}
}  // namespace

Result<> make_private_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return failed(path, "cannot be made");
  // Not by way of a link that somebody else has put there.
  const FileDescriptor folder(
      ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.is_open()) return failed(path, "cannot be opened");
  struct stat facts{};
  if (::fstat(folder.get(), &facts) != 0) return failed(path, "cannot be read");
  if (facts.st_uid != ::geteuid()) {
    return fail(Errc::unavailable, path + ": belongs to another user");
  }
  if (::fchmod(folder.get(), 0700) != 0) return failed(path, "cannot be closed to others");
  return {};
}

Result<> write_private_file(const std::string& path, std::string_view text) {
  const std::string partial = path + ".new";
  ::unlink(partial.c_str());  // perhaps left by one that was killed
  const FileDescriptor file(
      ::open(partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.is_open()) return failed(partial, "cannot be made");
  while (!text.empty()) {
    const ssize_t n = ::write(file.get(), text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return failed(partial, "cannot be written");
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  if (std::rename(partial.c_str(), path.c_str()) != 0) return failed(path, "cannot be replaced");
  return {};
}

}  // namespace starling::bus
