#include "bus/frame_metrics.h"

#include <array>
#include <cstddef>

namespace starling::bus {

metrics::Counter& frames_sent() {
  static metrics::Counter& sent =
      metrics::counter("starling_bus_frames_sent_total", "Frames given to the bus");
  return sent;
}

metrics::Counter& frames_received() {
  static metrics::Counter& received =
      metrics::counter("starling_bus_frames_received_total", "Frames that came over the bus");
  return received;
}

metrics::Counter& frames_lost(Loss loss) {
  static const auto lost = [] {
    const auto of = [](const char* reason) {
      return &metrics::counter("starling_bus_frames_lost_total", "Frames lost on this node",
                               {{"reason", reason}});
    };
    return std::array{of("not_connected"), of("queue_full"), of("write_failed"),
                      of("receiver_slow"), of("too_large")};
  }();
  return *lost[static_cast<std::size_t>(loss)];
}

}  // namespace starling::bus
