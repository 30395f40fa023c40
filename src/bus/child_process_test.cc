#include "bus/child_process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

namespace starling::bus {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// All that it writes, and how it ends.
std::vector<std::string> output_of(ChildProcess& child, std::string* how = nullptr) {
  std::vector<std::string> lines;
  while (child.output() >= 0) {
    pollfd ready{.fd = child.output(), .events = POLLIN};
    ::poll(&ready, 1, -1);
    child.read_lines([&](std::string_view line) { lines.emplace_back(line); });
  }
  const std::string end = child.reap();
  if (how != nullptr) *how = end;
  return lines;
}

std::vector<std::string> run(const std::vector<std::string>& command, std::string* how = nullptr) {
  std::fflush(stdout);  // sanitizers write it out once more where a fork ends without exec
  auto child = ChildProcess::start(command[0], {command.begin() + 1, command.end()});
  EXPECT_TRUE(child);
  return output_of(*child, how);
}

TEST(ChildProcess, HasNothingOfTheNodes) {
  // What a node has: signals blocked and ignored, and descriptors that somebody forgot to mark.
  const FileDescriptor forgotten(::open("/dev/null", O_RDONLY));
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  sigaddset(&blocked, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const auto ignored = std::signal(SIGHUP, SIG_IGN);
  const auto status = run({"/bin/cat", "/proc/self/status"});
  const auto files = run({"/bin/ls", "/proc/self/fd"});
  const auto environment = run({"/bin/cat", "/proc/self/environ"});
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  std::signal(SIGHUP, ignored);

  EXPECT_THAT(status, Contains("SigBlk:\t0000000000000000"));
  EXPECT_THAT(status, Contains("SigIgn:\t0000000000000000"));
  EXPECT_THAT(files, ElementsAre("0", "1", "2", "3"));  // the last is ls's own
  EXPECT_THAT(environment, IsEmpty());
}

TEST(ChildProcess, TellsHowItEnded) {
  std::string how;
  EXPECT_THAT(run({"/bin/sh", "-c", "echo one; echo two >&2; printf three; exit 3"}, &how),
              ElementsAre("one", "two", "three"));
  EXPECT_EQ(how, "exit code 3");
  run({"/bin/sh", "-c", "kill -9 $$"}, &how);
  EXPECT_EQ(how, "signal 9");
  EXPECT_THAT(run({"/nonexistent"}, &how), ElementsAre("No such file or directory"));
  EXPECT_EQ(how, "exit code 127");
}

TEST(ChildProcess, LineWithoutEndIsCut) {
  const auto lines = run({"/bin/sh", "-c", "head -c 20000 /dev/zero | tr '\\0' x"});
  std::size_t bytes = 0;
  for (const std::string& line : lines) {
    EXPECT_LE(line.size(), 8'192U);
    bytes += line.size();
  }
  EXPECT_EQ(bytes, 20'000U);
}

TEST(ChildProcess, IsKilledWithItsObject) {
  pid_t pid = 0;
  {
    auto child = ChildProcess::start("/bin/sleep", {"1000"});
    ASSERT_TRUE(child);
    pid = child->pid();
    const ChildProcess moved(std::move(*child));
    EXPECT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_NE(::kill(pid, 0), 0);
}

}  // namespace
}  // namespace starling::bus
