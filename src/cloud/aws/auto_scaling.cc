#include "cloud/aws/auto_scaling.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "cloud/aws/answer.h"

namespace starling::cloud::aws {

namespace {

void add_ids(Parameters& parameters, const std::vector<std::string>& ids, std::size_t from) {
  const std::size_t end = std::min(ids.size(), from + AutoScaling::kMostAtOnce);
  for (std::size_t i = from; i < end; ++i) {
    parameters.emplace_back("InstanceIds.member." + std::to_string(i - from + 1), ids[i]);
  }
}

// The action ended, or did not begin, or the group has no such hook.
Result<> about_hook(Result<xml::DocumentPtr> answer) {
  if (answer) return {};
  Error error = std::move(answer.error());
  if (error.code == Errc::invalid && error.message.contains("No active Lifecycle Action")) {
    error.code = Errc::not_found;
  }
  return std::unexpected(std::move(error));
}

}  // namespace

Result<std::vector<Instance>> AutoScaling::instances(const std::vector<std::string>& ids) {
  std::vector<Instance> found;
  for (std::size_t from = 0; from < ids.size(); from += kMostAtOnce) {
    std::string token;
    do {
      Parameters parameters;
      add_ids(parameters, ids, from);
      if (!token.empty()) parameters.emplace_back("NextToken", token);
      const auto answer = api_.call(kAutoScaling, "DescribeAutoScalingInstances", parameters);
      if (!answer) return std::unexpected(answer.error());
      const xml::Element root = (*answer)->root();
      for (const xml::Element& member : members_of(root, "AutoScalingInstances")) {
        found.push_back({.id = find_text(member, "InstanceId"),
                         .group = find_text(member, "AutoScalingGroupName"),
                         .zone = find_text(member, "AvailabilityZone"),
                         .state = find_text(member, "LifecycleState"),
                         .is_protected = find_text(member, "ProtectedFromScaleIn") == "true"});
      }
      const std::string next = find_text(root, "NextToken");
      token = next == token ? std::string() : next;
    } while (!token.empty());
  }
  return found;
}

Result<std::chrono::seconds> AutoScaling::hook_timeout(const std::string& group,
                                                       const std::string& hook) {
  const auto answer =
      api_.call(kAutoScaling, "DescribeLifecycleHooks",
                {{"AutoScalingGroupName", group}, {"LifecycleHookNames.member.1", hook}});
  if (!answer) return std::unexpected(answer.error());
  for (const xml::Element& member : members_of((*answer)->root(), "LifecycleHooks")) {
    if (find_text(member, "LifecycleHookName") != hook) continue;
    const std::string text = find_text(member, "HeartbeatTimeout");
    long seconds = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (read.ec == std::errc() && seconds > 0) return std::chrono::seconds(seconds);
  }
  return fail(Errc::not_found, "the group " + group + " has no lifecycle hook " + hook);
}

Result<> AutoScaling::record_heartbeat(const std::string& group, const std::string& hook,
                                       const std::string& instance) {
  return about_hook(api_.call(
      kAutoScaling, "RecordLifecycleActionHeartbeat",
      {{"AutoScalingGroupName", group}, {"LifecycleHookName", hook}, {"InstanceId", instance}}));
}

Result<> AutoScaling::complete(const std::string& group, const std::string& hook,
                               const std::string& instance) {
  return about_hook(api_.call(kAutoScaling, "CompleteLifecycleAction",
                              {{"AutoScalingGroupName", group},
                               {"LifecycleHookName", hook},
                               {"InstanceId", instance},
                               {"LifecycleActionResult", "CONTINUE"}}));
}

Result<> AutoScaling::protect(const std::string& group, const std::vector<std::string>& ids,
                              bool protect) {
  for (std::size_t from = 0; from < ids.size(); from += kMostAtOnce) {
    Parameters parameters{{"AutoScalingGroupName", group},
                          {"ProtectedFromScaleIn", protect ? "true" : "false"}};
    add_ids(parameters, ids, from);
    const auto answer = api_.call(kAutoScaling, "SetInstanceProtection", parameters);
    if (!answer) return std::unexpected(answer.error());
  }
  return {};
}

}  // namespace starling::cloud::aws
