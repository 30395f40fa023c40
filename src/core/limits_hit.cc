#include "core/limits_hit.h"

#include <string>

#include "base/metrics.h"

namespace starling::core {

std::string_view to_string(Limit limit) {
  switch (limit) {
    case Limit::sessions:
      return "sessions";
    case Limit::roster_items:
      return "roster_items";
    case Limit::unacknowledged:
      return "unacknowledged";
    case Limit::in_hand:
      return "in_hand";
  }
  return "unknown";
}

void limit_hit(Limit limit) {
  metrics::counter("starling_limits_hit_total",
                   "Times that something was refused or held back for a limit that has no counter "
                   "of its own",
                   {{"limit", std::string(to_string(limit))}})
      .add();
}

}  // namespace starling::core
