// Events: the answer of a command that goes on, as server-sent events (text/event-stream, HTML
// Living Standard section 9.2): `data: {...}` for each line, `event: end` with the command's result
// at the end, or `event: error` with a problem.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "admin/admin.h"
#include "base/task.h"
#include "core/worker.h"
#include "http/message.h"

namespace starling::api {

// `may_go_on` is asked now and then, on the loop of `worker` (0): whether the caller still may. The
// command ends when it says no, and when the client is gone.
[[nodiscard]] http::Response events(core::Worker& worker, admin::Admin& admin, std::string command,
                                    std::vector<std::string> arguments, admin::Caller caller,
                                    std::function<Task<bool>()> may_go_on);

}  // namespace starling::api
