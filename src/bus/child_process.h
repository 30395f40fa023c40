// ChildProcess: a program that runs for this one and never outlives it.
//
// The kernel kills it when the thread that started it ends: start it on a thread that lives as long
// as the child is to. It gets a session of its own (a terminal's ^C is for the node), no signal
// blocked or ignored, no descriptor but its output, and no environment: there may be secrets in it.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_descriptor.h"
#include "base/result.h"

namespace starling::bus {

class ChildProcess {
 public:
  // `program` is a path. Errors: unavailable.
  static Result<ChildProcess> start(const std::string& program,
                                    const std::vector<std::string>& arguments);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  // Kills it if it still runs.
  ~ChildProcess();

  [[nodiscard]] pid_t pid() const { return pid_; }
  // To be polled: readable once it has exited; readable when there is output.
  [[nodiscard]] int exit_event() const { return exit_event_.get(); }
  [[nodiscard]] int output() const { return output_.get(); }
  void signal(int number) const;
  // Calls `line` for each line of output that is there. Never waits.
  void read_lines(const std::function<void(std::string_view line)>& line);
  // Waits for its end, and says how it came: "exit code 1", "signal 9".
  std::string reap();

 private:
  ChildProcess(pid_t pid, FileDescriptor exit_event, FileDescriptor output);

  pid_t pid_;  // 0 once it is reaped
  FileDescriptor exit_event_;
  FileDescriptor output_;
  std::string partial_line_;
};

}  // namespace starling::bus
