// until_gone: asks again and again on behalf of a caller who follows something, until he is gone.
#pragma once

#include <functional>
#include <memory>

#include "admin/call.h"
#include "base/event_loop.h"
#include "base/task.h"

namespace starling::admin {

// Looks, then pauses, and so on; ends when the audience is gone and the last look has ended. On the
// loop of worker 0.
Task<void> until_gone(core::Server& server, std::shared_ptr<Audience> audience, Duration pause,
                      std::function<Task<void>()> look);

}  // namespace starling::admin
