// CloudWatch: the figure that the group is scaled by.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "cloud/aws/query_api.h"

namespace starling::cloud::aws {

// Utilisation in per cent, with the group as the only dimension: so the group's average is that of
// a node, and a policy follows it without any arithmetic. Errors as those of QueryApi.
[[nodiscard]] inline Result<> put_utilisation(QueryApi& api, const std::string& metrics_namespace,
                                              const std::string& group, std::uint64_t percent) {
  const std::string datum = "MetricData.member.1.";
  const auto answer = api.call(kCloudWatch, "PutMetricData",
                               {{"Namespace", metrics_namespace},
                                {datum + "MetricName", "Utilisation"},
                                {datum + "Unit", "Percent"},
                                {datum + "Value", std::to_string(percent)},
                                {datum + "StorageResolution", "1"},
                                {datum + "Dimensions.member.1.Name", "AutoScalingGroupName"},
                                {datum + "Dimensions.member.1.Value", group}});
  if (!answer) return std::unexpected(answer.error());
  return {};
}

}  // namespace starling::cloud::aws
