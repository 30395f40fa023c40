// What the system lets the node have: files, time, disk, memory.
#include <openssl/crypto.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "admin/doctor/gather_parts.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/version.h"

namespace starling::admin::doctor {

namespace {

// By name only: to open and close a file of the database would give up SQLite's locks on it
// (fcntl(2) locks belong to the process).
std::uint64_t bytes_of(const std::string& path) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  return error ? 0 : bytes;
}

std::uint64_t open_files() {
  std::error_code error;
  std::uint64_t count = 0;
  for (auto it = std::filesystem::directory_iterator("/proc/self/fd", error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    ++count;
  }
  return count;
}

}  // namespace

FileFacts ask_files(const config::Config& config) {
  FileFacts facts;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  facts.soft_limit = limit.rlim_cur;
  facts.hard_limit = limit.rlim_max;
  facts.in_use = open_files();
  facts.reserved = config.reserved_files;
  return facts;
}

ClockFacts ask_clock() {
  ClockFacts facts;
  facts.now_s = wall_clock_us() / 1'000'000;
  timex state{};  // modes = 0: only a question
  const int answer = ::adjtimex(&state);
  facts.asked = answer >= 0;
  facts.synchronised = answer != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
  return facts;
}

DiskFacts ask_disk(const config::Config& config) {
  DiskFacts facts;
  facts.folder = config.data_dir;
  struct statvfs status{};
  if (::access(facts.folder.c_str(), R_OK | W_OK | X_OK) != 0 ||
      ::statvfs(facts.folder.c_str(), &status) != 0) {
    facts.error = std::strerror(errno);
    return facts;
  }
  facts.total_bytes = std::uint64_t{status.f_blocks} * status.f_frsize;
  facts.free_bytes = std::uint64_t{status.f_bavail} * status.f_frsize;
  facts.total_inodes = status.f_files;
  facts.free_inodes = status.f_favail;
  facts.database_bytes = bytes_of(facts.folder + "/starling.db");
  facts.wal_bytes = bytes_of(facts.folder + "/starling.db-wal");
  return facts;
}

MemoryFacts ask_memory(std::uint64_t max_memory) {
  MemoryFacts facts;
  facts.system_bytes = allowed_memory();
  facts.budget_bytes = max_memory;
  facts.in_use_bytes = resident_memory();
  std::ifstream("/proc/sys/vm/overcommit_memory") >> facts.overcommit;
  return facts;
}

std::string ask_versions() {
  utsname kernel{};
  ::uname(&kernel);
  return "Starling " + std::string(kVersionText) + ", OpenSSL " +
         OpenSSL_version(OPENSSL_VERSION_STRING) + ", " + kernel.sysname + " " + kernel.release;
}

}  // namespace starling::admin::doctor
