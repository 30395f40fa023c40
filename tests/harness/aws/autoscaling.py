"""Auto Scaling's query API, over the groups of the double."""

from __future__ import annotations

import uuid
from typing import Any

from harness.aws.clock import Clock
from harness.aws.credentials import AccessKey
from harness.aws.errors import ApiError, invalid
from harness.aws.group import Group, Member
from harness.aws.instance_refresh import InstanceRefresh, Preferences
from harness.aws.lifecycle_hook import LifecycleHook
from harness.aws.parameters import Parameters, page
from harness.aws.query_api import Action, Result, Service

_MAX_INSTANCES = 50
_MAX_GROUPS = 100


class AutoScaling(Service):
    """Knows the groups that were added."""

    name = "autoscaling"
    version = "2011-01-01"
    namespace = "http://autoscaling.amazonaws.com/doc/2011-01-01/"

    def __init__(self, clock: Clock) -> None:
        self.page_size = _MAX_INSTANCES  # of all lists, at most: AWS may always give less
        self.lag_s = 0.0  # descriptions say what was true then: they are eventually consistent
        self.refreshes: list[InstanceRefresh] = []
        self._groups: dict[str, Group] = {}
        self._clock = clock

    def add(self, group: Group) -> None:
        self._groups[group.name] = group

    @property
    def groups(self) -> list[Group]:
        return list(self._groups.values())

    def actions(self) -> dict[str, Action]:
        return {
            "CompleteLifecycleAction": self._complete,
            "DescribeAutoScalingGroups": self._describe_groups,
            "DescribeAutoScalingInstances": self._describe_instances,
            "DescribeInstanceRefreshes": self._describe_refreshes,
            "DescribeLifecycleHooks": self._describe_hooks,
            "RecordLifecycleActionHeartbeat": self._heartbeat,
            "SetDesiredCapacity": self._set_desired,
            "SetInstanceHealth": self._set_health,
            "SetInstanceProtection": self._protect,
            "StartInstanceRefresh": self._start_refresh,
            "TerminateInstanceInAutoScalingGroup": self._terminate,
        }

    # Lifecycle hooks.

    def _complete(self, parameters: Parameters, _: AccessKey | None) -> Result:
        group, hook = self._group(parameters), parameters.required("LifecycleHookName")
        result = parameters.required("LifecycleActionResult")
        if result not in ("CONTINUE", "ABANDON"):
            raise invalid(f"LifecycleActionResult '{result}' is neither CONTINUE nor ABANDON.")
        group.complete(hook, result, *_which(parameters))
        return {}

    def _heartbeat(self, parameters: Parameters, _: AccessKey | None) -> Result:
        self._group(parameters).heartbeat(parameters.required("LifecycleHookName"),
                                          *_which(parameters))
        return {}

    def _describe_hooks(self, parameters: Parameters, _: AccessKey | None) -> Result:
        group, names = self._group(parameters), parameters.texts("LifecycleHookNames.member")
        return {"LifecycleHooks": [self._hook(group, hook) for hook in group.hooks.values()
                                   if not names or hook.name in names]}

    def _hook(self, group: Group, hook: LifecycleHook) -> dict[str, Any]:
        return {"AutoScalingGroupName": group.name, "LifecycleHookName": hook.name,
                "LifecycleTransition": hook.transition, "DefaultResult": hook.default_result,
                "HeartbeatTimeout": self._seconds(hook.heartbeat_timeout_s),
                "GlobalTimeout": self._seconds(hook.global_timeout_s)}

    # Instances.

    def _describe_instances(self, parameters: Parameters, _: AccessKey | None) -> Result:
        wanted = parameters.texts("InstanceIds.member")
        if len(wanted) > _MAX_INSTANCES:
            raise invalid(f"The number of instance ids that may be passed in is limited to "
                          f"{_MAX_INSTANCES}")
        size = parameters.integer("MaxRecords", 1, _MAX_INSTANCES, _MAX_INSTANCES)
        members = [(group, member) for group in self.groups for member in self._visible(group)
                   if not wanted or member.id in wanted]
        shown, token = page(members, parameters.get("NextToken"), min(size, self.page_size))
        return {"AutoScalingInstances": [
            self._instance(member) | {"AutoScalingGroupName": group.name,
                                      "HealthStatus": _health(member).upper()}
            for group, member in shown], "NextToken": token}

    def _describe_groups(self, parameters: Parameters, _: AccessKey | None) -> Result:
        names = parameters.texts("AutoScalingGroupNames.member")
        size = parameters.integer("MaxRecords", 1, _MAX_GROUPS, 50)
        groups = [group for group in self.groups if not names or group.name in names]
        shown, token = page(groups, parameters.get("NextToken"), min(size, self.page_size))
        return {"AutoScalingGroups": [self._describe_group(group) for group in shown],
                "NextToken": token}

    def _describe_group(self, group: Group) -> dict[str, Any]:
        pool = group.warm_pool
        return {
            "AutoScalingGroupName": group.name, "AutoScalingGroupARN": group.arn,
            "MinSize": group.minimum, "MaxSize": group.maximum, "DesiredCapacity": group.desired,
            "DefaultCooldown": 300, "AvailabilityZones": group.zones, "HealthCheckType": "ELB",
            "HealthCheckGracePeriod": self._seconds(group.health_check_grace_s),
            "Instances": [self._instance(member) | {"HealthStatus": _health(member)}
                          for member in self._visible(group) if not member.warm],
            "CreatedTime": self._clock.utc(0),
            "NewInstancesProtectedFromScaleIn": group.protects_new,
            "CapacityRebalance": group.capacity_rebalance,
            "TerminationPolicies": ["Default"],
            "WarmPoolConfiguration": None if pool is None else {
                "MinSize": pool.size or 0, "PoolState": pool.state,
                "InstanceReusePolicy": {"ReuseOnScaleIn": pool.reuses}},
            "WarmPoolSize": None if pool is None else sum(m.warm for m in group.members),
        }

    def _visible(self, group: Group) -> list[Member]:
        then = self._clock.now() - self.lag_s
        shown = [m for m in [*group.members, *group.gone] if m.history[0][0] <= then]
        return [m for m in shown if not m.state_at(then).endswith("Terminated")]

    def _instance(self, member: Member) -> dict[str, Any]:
        return {"InstanceId": member.id, "InstanceType": "r8g.large",
                "AvailabilityZone": member.instance.availability_zone,
                "LifecycleState": member.state_at(self._clock.now() - self.lag_s),
                "ProtectedFromScaleIn": member.protected}

    def _protect(self, parameters: Parameters, _: AccessKey | None) -> Result:
        group, ids = self._group(parameters), parameters.texts("InstanceIds.member")
        if not 1 <= len(ids) <= _MAX_INSTANCES:
            raise invalid(f"1 to {_MAX_INSTANCES} InstanceIds are required")
        group.protect(ids, parameters.flag("ProtectedFromScaleIn"))
        return {}

    def _set_health(self, parameters: Parameters, _: AccessKey | None) -> Result:
        group, member = self._find(parameters.required("InstanceId"))
        status = parameters.required("HealthStatus")
        if status not in ("Healthy", "Unhealthy"):
            raise invalid(f"HealthStatus '{status}' is neither Healthy nor Unhealthy.")
        group.set_health(member.id, status == "Healthy",
                         parameters.flag("ShouldRespectGracePeriod", True))
        return None

    def _terminate(self, parameters: Parameters, _: AccessKey | None) -> Result:
        group, member = self._find(parameters.required("InstanceId"))
        decrements = parameters.flag("ShouldDecrementDesiredCapacity")
        group.terminate(member.id, decrements)
        now = self._clock.utc()
        return {"Activity": {
            "ActivityId": str(uuid.uuid4()), "AutoScalingGroupName": group.name,
            "Description": f"Terminating EC2 instance: {member.id}",
            "Cause": f"At {now:%Y-%m-%dT%H:%M:%SZ} instance {member.id} was taken out of service in"
                     " response to a user request"
                     + (", shrinking the capacity." if decrements else "."),
            "StartTime": now, "StatusCode": "InProgress", "Progress": 0, "Details": "{}"}}

    # The whole group.

    def _set_desired(self, parameters: Parameters, _: AccessKey | None) -> Result:
        group = self._group(parameters)
        group.set_desired(parameters.integer("DesiredCapacity", 0, 10_000))
        return None

    def _start_refresh(self, parameters: Parameters, _: AccessKey | None) -> Result:
        group = self._group(parameters)
        if any(refresh.active and refresh.group is group for refresh in self.refreshes):
            raise ApiError("InstanceRefreshInProgress",
                           "An Instance Refresh is already in progress and blocks the execution of"
                           " this Instance Refresh.")
        name = "Preferences.{}".format
        most = parameters.integer(name("MaxHealthyPercentage"), 100, 200, 0)
        preferences = Preferences(
            parameters.integer(name("MinHealthyPercentage"), 0, 100, 90), most or None,
            parameters.integer(name("InstanceWarmup"), 0, 86_400, 0) * self._clock.speed,
            parameters.choice(name("ScaleInProtectedInstances"), ["Refresh", "Ignore", "Wait"],
                              "Wait"))
        refresh = InstanceRefresh(group, preferences)
        self.refreshes.append(refresh)
        refresh.step()
        return {"InstanceRefreshId": refresh.id}

    def _describe_refreshes(self, parameters: Parameters, _: AccessKey | None) -> Result:
        group, ids = self._group(parameters), parameters.texts("InstanceRefreshIds.member")
        return {"InstanceRefreshes": [
            {"InstanceRefreshId": refresh.id, "AutoScalingGroupName": group.name,
             "Status": refresh.status, "PercentageComplete": refresh.percentage}
            for refresh in reversed(self.refreshes)
            if refresh.group is group and (not ids or refresh.id in ids)]}

    # What all of them need.

    def _group(self, parameters: Parameters) -> Group:
        name = parameters.required("AutoScalingGroupName")
        if name not in self._groups:
            raise invalid("AutoScalingGroup name not found - null")
        return self._groups[name]

    def _find(self, instance_id: str) -> tuple[Group, Member]:
        for group in self.groups:
            for member in group.members:
                if member.id == instance_id:
                    return group, member
        raise invalid("Instance Id not found - No managed instance found for instance ID: "
                      f"{instance_id}")

    def _seconds(self, of_the_clock: float) -> int:
        """For somebody who lives by the wall; 1 at least."""
        return max(1, round(of_the_clock / self._clock.speed))


def _which(parameters: Parameters) -> tuple[str | None, str | None]:
    """The instance id and the token of a lifecycle action; one is enough."""
    instance, token = parameters.get("InstanceId"), parameters.get("LifecycleActionToken")
    if not instance and not token:
        raise invalid("Either InstanceId or LifecycleActionToken must be specified.")
    return instance, token


def _health(member: Member) -> str:
    return "Healthy" if member.healthy else "Unhealthy"
