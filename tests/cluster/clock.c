// A clock that is off by $CLOCK_OFF seconds, for a program that is started with this in LD_PRELOAD.
// The monotonic clocks are right. libfaketime will not do: it allocates memory in clock_gettime,
// and the daemon's allocator asks for the time.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long off(void) {
  static long known;
  if (known == 0) {
    const char *text = getenv("CLOCK_OFF");
    if (text) known = atol(text);
  }
  return known;
}

int clock_gettime(clockid_t id, struct timespec *to) {
  const int result = (int)syscall(SYS_clock_gettime, id, to);
  if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) to->tv_sec += off();
  return result;
}

int gettimeofday(struct timeval *to, void *zone) {
  struct timespec now;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &now);
  to->tv_sec = now.tv_sec;
  to->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *to) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (to) *to = now.tv_sec;
  return now.tv_sec;
}

// The kernel waits for the right time.
int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                           const struct timespec *until) {
  const struct timespec right = {until->tv_sec - off(), until->tv_nsec};
  return pthread_cond_clockwait(condition, mutex, CLOCK_REALTIME, &right);
}
