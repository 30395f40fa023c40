// What the doctor asks of the system, the network and the store.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "admin/doctor/facts.h"
#include "base/task.h"
#include "config/config.h"
#include "store/store.h"

namespace starling::admin::doctor {

// Where the node itself reaches a listener on this address; it comes from there, too.
[[nodiscard]] std::string address_for_node(const std::string& ip);

// Asks all of it, on a thread of its own; takes seconds, and half a minute at most where nobody
// answers. `listeners` are those of the running node, with the ports that they have; `max_memory`
// is what counts for it, in bytes.
[[nodiscard]] Task<Facts> gather(config::Config config, std::vector<ListenerFacts> listeners,
                                 std::uint64_t max_memory, store::Store& store);

}  // namespace starling::admin::doctor
