// AutoScaling: the calls that a node makes about its Auto Scaling group.
//
// Blocking. Errors as those of QueryApi, and not_found where it says so.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cloud/aws/query_api.h"

namespace starling::cloud::aws {

struct Instance {
  std::string id;
  std::string group;
  std::string zone;
  std::string state;          // "InService", "Terminating:Wait", and others, which may be new ones
  bool is_protected = false;  // from scale-in
};

class AutoScaling {
 public:
  static constexpr std::size_t kMostAtOnce = 50;  // instances in one call

  explicit AutoScaling(QueryApi& api) : api_(api) {}

  // Those of these that are in a group.
  Result<std::vector<Instance>> instances(const std::vector<std::string>& ids);
  // How long a hook waits without a heartbeat. not_found: the group has no such hook.
  Result<std::chrono::seconds> hook_timeout(const std::string& group, const std::string& hook);
  // The hook waits for so long again. not_found: it does not wait for this instance.
  Result<> record_heartbeat(const std::string& group, const std::string& hook,
                            const std::string& instance);
  // What the hook waited for is done: CONTINUE. not_found: it does not wait for this instance.
  Result<> complete(const std::string& group, const std::string& hook, const std::string& instance);
  Result<> protect(const std::string& group, const std::vector<std::string>& ids, bool protect);

 private:
  QueryApi& api_;
};

}  // namespace starling::cloud::aws
