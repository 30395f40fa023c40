// Scale-in: which node the group may take next, by protecting all others.
//
// A group knows nothing of sessions, and would take any. So one node of the cluster sees to it that
// exactly one is unprotected: the one with the fewest sessions, among the zones that have the most
// nodes, since the group would otherwise have to even those out afterwards.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cloud/aws/auto_scaling.h"
#include "cloud/lifecycle.h"

namespace starling::cloud::aws {

struct ScaleInCandidate {
  std::string id;
  std::string zone;
  std::uint64_t sessions = 0;
};

// The one that may go; `now` may at present, and stays so unless another is clearly emptier (by a
// fifth, and ten sessions). nullopt: none, as there would be no other.
[[nodiscard]] std::optional<std::string> next_to_go(const std::vector<ScaleInCandidate>& candidates,
                                                    const std::string& now);

// Makes it so, in this group: the names of the nodes are their instance ids. First who must not
// go is protected, so that there are never two that may; none may while another is leaving, as its
// users come to those that stay. Blocking.
[[nodiscard]] Result<> let_the_emptiest_go(AutoScaling& api, const std::string& group,
                                           const std::vector<NodeLoad>& nodes);

}  // namespace starling::cloud::aws
