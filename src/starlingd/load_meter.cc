#include "starlingd/load_meter.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>

#include "base/memory.h"
#include "stream/stanza_counters.h"

namespace starling::starlingd {

namespace {

constexpr std::chrono::seconds kAtLeast{2};  // between two samples

std::int64_t us_of(const timeval& time) {
  return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_usec;
}

}  // namespace

LoadMeter::Sample LoadMeter::sample() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return {EventLoop::current()->now(), stream::stanzas_received(),
          us_of(used.ru_utime) + us_of(used.ru_stime)};
}

cluster::Load LoadMeter::load() {
  const TimePoint now = EventLoop::current()->now();
  if (now - last_.at >= kAtLeast) {
    const Sample next = sample();
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now - last_.at).count();
    if (last_.at != TimePoint()) {
      effort_.stanzas_per_second =
          (next.stanzas - last_.stanzas) * 1'000'000 / static_cast<std::uint64_t>(us);
      effort_.cpu_percent = static_cast<std::uint64_t>(
          std::max<std::int64_t>(0, (next.cpu_us - last_.cpu_us) * 100 / us));
    }
    effort_.memory = resident_memory();
    last_ = next;
  }
  return {static_cast<std::uint64_t>(server_.session_count()), effort_};
}

}  // namespace starling::starlingd
