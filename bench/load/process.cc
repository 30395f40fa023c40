#include "process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "die.h"

namespace load {

namespace {

std::int64_t cpu_us_of(pid_t pid) {
  const std::string folder = "/proc/" + std::to_string(pid);
  std::string stat;
  if (!std::getline(std::ifstream(folder + "/stat"), stat)) return 0;
  // The name, in brackets, may hold anything; utime and stime are the 14th and 15th field.
  std::istringstream fields(stat.substr(stat.rfind(')') + 2));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  std::int64_t user = 0, system = 0;
  fields >> user >> system;
  std::int64_t sum = (user + system) * 1'000'000 / sysconf(_SC_CLK_TCK);
  // A child is listed at the thread that made it.
  std::error_code gone;
  for (const auto& thread : std::filesystem::directory_iterator(folder + "/task", gone)) {
    std::ifstream children(thread.path() / "children");
    for (pid_t child = 0; children >> child;) sum += cpu_us_of(child);
  }
  return sum;
}

}  // namespace

std::int64_t cpu_us(std::span<const pid_t> processes) {
  std::int64_t sum = 0;
  for (const pid_t pid : processes) sum += cpu_us_of(pid);
  return sum;
}

std::int64_t own_cpu_us() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * std::int64_t{1'000'000} +
         usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

Memory memory_of(std::span<const pid_t> processes) {
  Memory memory;
  for (const pid_t pid : processes) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/smaps_rollup");
    std::string line;
    std::getline(file, line);
    std::string name;
    std::int64_t kib = 0;
    while (file >> name >> kib) {
      if (name == "Rss:") memory.rss += kib * 1024;
      if (name == "Pss:") memory.pss += kib * 1024;
      std::getline(file, line);
    }
  }
  if (memory.rss == 0) die("cannot read the server's smaps_rollup");
  return memory;
}

}  // namespace load
