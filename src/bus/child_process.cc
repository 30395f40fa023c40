#include "bus/child_process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace starling::bus {

namespace {

constexpr std::size_t kMaxLine = 4'096;

std::unexpected<Error> failed(const std::string& what) {
  return fail(Errc::unavailable, what + ": " + std::strerror(errno));
}

// Between fork and exec: only what is async-signal-safe, other threads may have held any lock.
[[noreturn]] void become(const char* program, char* const* arguments, int output, int null,
                         pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(126);  // it has died already
  ::setsid();
  // An ignored signal stays ignored, as SIGHUP under nohup: but that is how it is told to reload.
  for (int number = 1; number < NSIG; ++number) std::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  ::dup2(null, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
  char* const environment[] = {nullptr};
  ::execve(program, arguments, environment);
  const char* reason = ::strerrordesc_np(errno);
  static_cast<void>(!::write(STDERR_FILENO, reason, std::strlen(reason)));
  ::_exit(127);
}

}  // namespace

ChildProcess::ChildProcess(pid_t pid, FileDescriptor exit_event, FileDescriptor output)
    : pid_(pid), exit_event_(std::move(exit_event)), output_(std::move(output)) {}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      exit_event_(std::move(other.exit_event_)),
      output_(std::move(other.output_)),
      partial_line_(std::move(other.partial_line_)) {}

ChildProcess::~ChildProcess() {
  if (pid_ == 0) return;
  signal(SIGKILL);
  reap();
}

Result<ChildProcess> ChildProcess::start(const std::string& program,
                                         const std::vector<std::string>& arguments) {
  std::vector<std::string> texts{program};
  texts.insert(texts.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);

  const FileDescriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  int ends[2];
  if (!null.is_open() || ::pipe2(ends, O_CLOEXEC) != 0) return failed("cannot make a pipe");
  FileDescriptor output(ends[0]);
  const FileDescriptor input(ends[1]);
  ::fcntl(output.get(), F_SETFL, O_NONBLOCK);

  const pid_t self = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return failed("cannot start a process");
  if (pid == 0) become(program.c_str(), pointers.data(), input.get(), null.get(), self);
  FileDescriptor exit_event(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  const bool watched = exit_event.is_open();
  const int error = errno;
  ChildProcess child(pid, std::move(exit_event), std::move(output));
  if (!watched) {
    errno = error;
    return failed("cannot watch a process");
  }
  return child;
}

void ChildProcess::signal(int number) const {
  // Until it is reaped nobody else gets its number.
  if (pid_ != 0) ::kill(pid_, number);
}

void ChildProcess::read_lines(const std::function<void(std::string_view)>& line) {
  char buffer[4'096];
  while (output_.is_open()) {
    const ssize_t n = ::read(output_.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      if (n < 0) return;
      output_.close();  // it would be readable for ever
      if (!partial_line_.empty()) line(std::exchange(partial_line_, {}));
      return;
    }
    partial_line_.append(buffer, static_cast<std::size_t>(n));
    std::size_t begin = 0;
    for (std::size_t end; (end = partial_line_.find('\n', begin)) != std::string::npos;
         begin = end + 1) {
      line(std::string_view(partial_line_).substr(begin, end - begin));
    }
    partial_line_.erase(0, begin);
    if (partial_line_.size() > kMaxLine) line(std::exchange(partial_line_, {}));
  }
}

std::string ChildProcess::reap() {
  if (pid_ == 0) return {};
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  return "exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace starling::bus
