// ChangeRecord: what an administrator has changed from a client (XEP-0133). Whoever keeps the
// record of changes is told of it (Server::set_recorder); modules need not know who that is.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/task.h"

namespace starling::core {

struct ChangeRecord {
  std::string who;      // full JID
  std::string command;  // its name in the XEP
  // By name, without passwords and without what people write.
  std::vector<std::pair<std::string, std::string>> arguments;
  std::string result;  // "done", or why not
};

// Called on any worker; the record is kept when the Task ends.
using Recorder = std::function<Task<void>(ChangeRecord)>;

}  // namespace starling::core
