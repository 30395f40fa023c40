// What is counted of the frames on the bus.
#pragma once

#include <cstdint>

#include "base/metrics.h"

namespace starling::bus {

// Why a frame was lost on this node. What others lose is not known here.
enum class Loss : std::uint8_t {
  not_connected,  // there is no connection to the server
  queue_full,     // too much waits to be sent
  write_failed,   // the connection broke
  receiver_slow,  // too much waits for the loop
  too_large,
};

metrics::Counter& frames_sent();
metrics::Counter& frames_received();
metrics::Counter& frames_lost(Loss loss);

}  // namespace starling::bus
