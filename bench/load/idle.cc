#include "crowd.h"
#include "workloads.h"

namespace load {

void idle(const Options& options, Result& result) {
  Audience nobody;
  Crowd crowd(options, nobody, 1);
  // What the server loads when it is first used belongs to no session.
  crowd.log_in(options.in_flight);
  crowd.log_out();
  crowd.run_for(options.settle_s);
  const Memory before = memory_of(options.processes);

  crowd.log_in(options.sessions);
  crowd.run_for(options.settle_s);
  const Memory now = memory_of(options.processes);
  const double count = options.sessions;
  result.add("sessions", count);
  result.add("rss_per_session", static_cast<double>(now.rss - before.rss) / count);
  result.add("pss_per_session", static_cast<double>(now.pss - before.pss) / count);
  result.add("rss", static_cast<double>(now.rss));
}

}  // namespace load
