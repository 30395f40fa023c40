// What the doctor asks of the system, the network and the store.
#pragma once

#include <vector>

#include "admin/doctor/facts.h"
#include "base/task.h"
#include "config/config.h"
#include "store/store.h"

namespace starling::admin::doctor {

// Asks all of it, on a thread of its own; takes seconds, and half a minute at most where nobody
// answers. `listeners` are those of the running node, with the ports that they have, and the
// address of the machine they can be reached at.
[[nodiscard]] Task<Facts> gather(config::Config config, std::vector<ListenerFacts> listeners,
                                 store::Store& store);

}  // namespace starling::admin::doctor
