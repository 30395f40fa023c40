// Conversation: one command given to a node over its Unix socket, and the lines of its answer
// (admin/ctl_socket.h).
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace starling::starlingctl {

constexpr const char* kSocketVariable = "STARLING_CTL_SOCKET";

// Sends the request and hands on every line of the answer, until the node ends it. `patience` is
// how long the node may be silent; 0: for ever. Errors, in words for the user: unavailable,
// timeout.
Result<> converse(const std::string& socket, const std::string& request,
                  std::chrono::seconds patience,
                  const std::function<void(std::string_view)>& on_line);

}  // namespace starling::starlingctl
