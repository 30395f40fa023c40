#include "core/messages_lost.h"

#include <string>

#include "base/metrics.h"

namespace starling::core {

namespace {

metrics::Counter& counter(Lost why) {
  return metrics::counter("starling_messages_lost_total",
                          "Messages that were taken in and could be neither delivered nor kept; "
                          "their senders get an error, where they are known",
                          {{"reason", std::string(to_string(why))}});
}

}  // namespace

std::string_view to_string(Lost why) {
  switch (why) {
    case Lost::not_stored:
      return "not_stored";
    case Lost::damaged:
      return "damaged";
    case Lost::in_circles:
      return "in_circles";
  }
  return "unknown";
}

void message_lost(Lost why) {
  counter(why).add();
}

std::uint64_t messages_lost() {
  std::uint64_t all = 0;
  for (const Lost why : {Lost::not_stored, Lost::damaged, Lost::in_circles}) {
    all += counter(why).value();
  }
  return all;
}

}  // namespace starling::core
