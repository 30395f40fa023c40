#include "starlingd/process.h"

#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <initializer_list>

namespace starling::starlingd {

namespace {

void raise_to_hard_limit(__rlimit_resource resource) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(resource, &limit);
}

}  // namespace

void raise_file_limit() {
  raise_to_hard_limit(RLIMIT_NOFILE);
}

void set_core_dumps(bool allowed) {
  if (allowed) return raise_to_hard_limit(RLIMIT_CORE);
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  ::setrlimit(RLIMIT_CORE, &none);
  // The limit does not count where the kernel hands dumps to a program (core_pattern "|…").
  ::prctl(PR_SET_DUMPABLE, 0);
}

sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, kNews, kLeave}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return set;
}

}  // namespace starling::starlingd
