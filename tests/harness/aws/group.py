"""An Auto Scaling group: how many instances there are, and which state each of them is in.

Nothing happens by itself: `tick` looks at the clock and lets everything go as far as it goes.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.aws.clock import Clock
from harness.aws.errors import invalid
from harness.aws.instance import ACCOUNT, REGION, Instance
from harness.aws.lifecycle_hook import LAUNCHING, TERMINATING, LifecycleAction, LifecycleHook
from harness.aws.machines import Machine, Machines, Runner, run_inline
from harness.waiting import TIMEOUT_S

_ZONES = (f"{REGION}a", f"{REGION}b", f"{REGION}c")


class _Leg(NamedTuple):
    """A way through the states: `during`, `during:Wait` for hooks, `during:Proceed`, then `to`."""

    during: str
    to: str
    transition: str  # of the hooks that hold it up


_LAUNCH = _Leg("Pending", "InService", LAUNCHING)
_TERMINATE = _Leg("Terminating", "Terminated", TERMINATING)
_TERMINATE_WARM = _Leg("Warmed:Terminating", "Warmed:Terminated", TERMINATING)


@dataclass(frozen=True)
class WarmPool:
    """Instances that were launched ahead: Stopped, Running or Hibernated, `size` of them; None: as
    many as the group may still grow by, which is AWS's default."""

    size: int | None
    state: str = "Stopped"
    reuses: bool = False  # InstanceReusePolicy.ReuseOnScaleIn

    def leg(self, transition: str) -> _Leg:
        return _Leg("Warmed:Pending", f"Warmed:{self.state}", transition)


@dataclass(eq=False)
class Member:
    """One instance of the group."""

    instance: Instance
    machine: Machine
    protected: bool
    state: str = ""
    healthy: bool = True
    registered: bool = False  # with the load balancer's target group
    replaced: bool = False  # goes as soon as another one has taken its place
    in_service_since: float | None = None
    dies_at: float | None = None  # of a spot interruption
    next_check: float = 0
    actions: dict[str, LifecycleAction] = field(default_factory=dict)
    history: list[tuple[float, str]] = field(default_factory=list)
    leg: _Leg | None = None

    @property
    def id(self) -> str:
        return self.instance.id

    @property
    def counts(self) -> bool:
        """Towards the capacity."""
        return self.leg is _LAUNCH or self.state == "InService"

    @property
    def warm(self) -> bool:
        return self.state.startswith("Warmed:")

    def state_at(self, then: float) -> str:
        """What it was; its first state, before that."""
        past = [state for at, state in self.history if at <= then]
        return past[-1] if past else self.history[0][1]


class Group:
    """Public methods may be called from any thread. Times are seconds of `clock`."""

    def __init__(self, name: str, clock: Clock, machines: Machines, *, desired: int = 1,
                 minimum: int = 0, maximum: int = 100, hooks: Iterable[LifecycleHook] = (),
                 zones: Iterable[str] = _ZONES, protects_new: bool = False,
                 deregistration_delay_s: float = 0, health_check_grace_s: float = 0,
                 health_check_interval_s: float = 10, capacity_rebalance: bool = False,
                 warm_pool: WarmPool | None = None, run: Runner = run_inline,
                 new_instance: Callable[[str], Instance] | None = None) -> None:
        if not 0 <= minimum <= desired <= maximum:
            raise ValueError(f"minimum {minimum}, desired {desired}, maximum {maximum}: not in"
                             " order")
        self.name = name
        self.minimum, self.maximum = minimum, maximum
        self.hooks = {hook.name: hook for hook in hooks}
        self.zones = list(zones)
        self.protects_new = protects_new  # NewInstancesProtectedFromScaleIn
        self.deregistration_delay_s = deregistration_delay_s
        self.health_check_grace_s = health_check_grace_s
        self.health_check_interval_s = health_check_interval_s
        self.capacity_rebalance = capacity_rebalance
        self.warm_pool = warm_pool
        self.clock = clock
        self.members: list[Member] = []
        self.gone: list[Member] = []
        self.failures: list[BaseException] = []  # of its machines, to launch or to terminate
        self._desired = desired
        self._machines = machines
        self._run = run
        self._new_instance = new_instance or (lambda zone: Instance(availability_zone=zone))
        self._next_launch = 0.0
        self.changed = threading.Condition(threading.RLock())

    # What it looks like.

    @property
    def arn(self) -> str:
        return (f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:"
                f"{uuid.uuid5(uuid.NAMESPACE_DNS, self.name)}:autoScalingGroupName/{self.name}")

    @property
    def desired(self) -> int:
        return self._desired

    def in_service(self) -> list[Member]:
        with self.changed:
            return [m for m in self.members if m.state == "InService"]

    def find(self, instance_id: str) -> Member:
        for member in list(self.members):
            if member.id == instance_id:
                return member
        raise invalid("Instance Id not found - No managed instance found for instance ID: "
                      f"{instance_id}")

    def wait_until(self, condition: Callable[[Group], object], what: str) -> None:
        """For groups that somebody else ticks."""
        with self.changed:
            if not self.changed.wait_for(lambda: condition(self), TIMEOUT_S):
                states = [(m.id, m.state) for m in self.members]
                raise AssertionError(f"{self.name} is not {what}; its instances: {states}; failures"
                                     f" of machines: {self.failures}")

    # What its owner may ask for.

    def set_desired(self, desired: int) -> None:
        with self.changed:
            if desired > self.maximum:
                raise invalid(f"New SetDesiredCapacity value {desired} is above max value "
                              f"{self.maximum} for the AutoScalingGroup.")
            if desired < self.minimum:
                raise invalid(f"New SetDesiredCapacity value {desired} is below min value "
                              f"{self.minimum} for the AutoScalingGroup.")
            self._desired = desired
            self.tick()

    def protect(self, instance_ids: list[str], protected: bool) -> None:
        """SetInstanceProtection."""
        with self.changed:
            members = [self.find(instance_id) for instance_id in instance_ids]
            for member in members:
                if member.state != "InService":
                    raise invalid(f"The instance {member.id} is not in InService or EnteringStandby"
                                  " or Standby.")
            for member in members:
                member.protected = protected
            self.tick()

    def set_health(self, instance_id: str, healthy: bool, respects_grace: bool = True) -> None:
        with self.changed:
            member = self.find(instance_id)
            if healthy or not respects_grace or not self._in_grace(member):
                member.healthy = healthy
            self.tick()

    def terminate(self, instance_id: str, decrements: bool) -> None:
        """TerminateInstanceInAutoScalingGroup: hooks run, protection does not count."""
        with self.changed:
            member = self.find(instance_id)
            if member.state.startswith(("Terminating", "Warmed:Terminating")):
                return
            if decrements and member.counts:
                if self._desired <= self.minimum:
                    raise invalid(
                        f"Currently, desiredSize equals minSize ({self.minimum}). Terminating"
                        " instance without replacement will violate group's min size constraint."
                        " Either set shouldDecrementDesiredCapacity flag to false or lower group's"
                        " min size.")
                self._desired -= 1
            self._begin(member, _TERMINATE_WARM if member.warm else _TERMINATE)
            self.tick()

    def complete(self, hook: str, result: str, instance_id: str | None = None,
                 token: str | None = None) -> None:
        """CompleteLifecycleAction."""
        with self.changed:
            self._active_action(hook, instance_id, token).complete(result)
            self.tick()

    def heartbeat(self, hook: str, instance_id: str | None = None,
                  token: str | None = None) -> None:
        """RecordLifecycleActionHeartbeat."""
        with self.changed:
            self._active_action(hook, instance_id, token).beat(self.clock.now())

    def rebalance_zones(self) -> None:
        """Moves one instance from the fullest zone to the emptiest, if they differ by two."""
        with self.changed:
            counts = self._zone_counts()
            fullest = max(self.zones, key=lambda zone: counts[zone])
            if counts[fullest] - min(counts.values()) >= 2:
                member = next((m for m in self.in_service() if not m.protected and not m.replaced
                               and m.instance.availability_zone == fullest), None)
                if member is not None:
                    self.replace(member, launches_first=True)

    def replace(self, member: Member, launches_first: bool) -> None:
        with self.changed:
            if launches_first:
                member.replaced = True
            else:
                self._begin(member, _TERMINATE)
            self.tick()

    # What EC2 does to it.

    def recommend_rebalance(self, instance_id: str) -> None:
        """This spot instance is likely to be interrupted."""
        with self.changed:
            member = self.find(instance_id)
            member.instance.rebalance_notice = self.clock.utc()
            if self.capacity_rebalance:
                self.replace(member, launches_first=True)

    def interrupt(self, instance_id: str, notice_s: float = 120) -> None:
        """A spot interruption: announced, and done when the notice is over."""
        with self.changed:
            member = self.find(instance_id)
            member.dies_at = self.clock.now() + notice_s
            member.instance.spot_action = ("terminate", self.clock.utc(member.dies_at))

    def kill(self, instance_id: str) -> None:
        """Power is gone, and nobody was told. The health check finds out."""
        with self.changed:
            self.find(instance_id).machine.kill()
            self.tick()

    def close(self) -> None:
        """Kills every instance; the group is not to be used any more."""
        with self.changed:
            for member in self.members:
                member.machine.kill()

    # How it goes on.

    def tick(self) -> None:
        with self.changed:
            now = self.clock.now()
            for member in list(self.members):
                if member.dies_at is not None and now >= member.dies_at:
                    member.dies_at = None
                    member.machine.kill()
            self._replace_unhealthy(now)
            self._advance_all(now)
            self._balance(now)
            self._fill_warm_pool(now)
            self._advance_all(now)
            self.changed.notify_all()

    def _replace_unhealthy(self, now: float) -> None:
        for member in self.in_service():
            if not self._in_grace(member) and now >= member.next_check:
                member.next_check = now + self.health_check_interval_s
                member.healthy = member.healthy and member.machine.looks_healthy()
            if member.machine.dead or not member.healthy:
                member.healthy = False
                self._begin(member, _TERMINATE)

    def _advance_all(self, now: float) -> None:
        for member in list(self.members):
            while self._advance(member, now):
                pass

    def _balance(self, now: float) -> None:
        """Launches or terminates towards the desired capacity."""
        counting = [m for m in self.members if m.counts]
        wanted = self._desired + sum(m.replaced for m in counting)
        for _ in range(wanted - len(counting)):
            self._take_or_launch(now)
        surplus = len(self.in_service()) - self._desired
        for _ in range(surplus):
            victim = self._victim()
            if victim is None:
                break  # all are protected, so the group stays larger
            self._scale_in(victim)

    def _victim(self) -> Member | None:
        """A replaced one; else by the default termination policy, the fullest zone's oldest."""
        in_service = self.in_service()
        if replaced := [m for m in in_service if m.replaced]:
            return replaced[0]
        counts = self._zone_counts()
        free = sorted((m for m in in_service if not m.protected), key=lambda m: (
            -counts[m.instance.availability_zone], m.instance.launched))
        return free[0] if free else None

    def _scale_in(self, member: Member) -> None:
        if self.warm_pool is not None and self.warm_pool.reuses and not member.replaced:
            self._begin(member, self.warm_pool.leg(TERMINATING))
        else:
            self._begin(member, _TERMINATE)

    def _take_or_launch(self, now: float) -> None:
        """From the warm pool, if there is one ready."""
        for member in self.members:
            if member.warm and member.leg is None:
                if member.state == "Warmed:Stopped":
                    member.machine.launch()
                elif member.state == "Warmed:Hibernated":
                    member.machine.resume()
                self._begin(member, _LAUNCH)
                return
        self._launch(_LAUNCH, now)

    def _fill_warm_pool(self, now: float) -> None:
        if self.warm_pool is None:
            return
        size = self.warm_pool.size
        if size is None:
            size = self.maximum - self._desired
        warm = [m for m in self.members if m.warm and m.leg is not _TERMINATE_WARM]
        for _ in range(size - len(warm)):
            self._launch(self.warm_pool.leg(LAUNCHING), now)
        settled = [m for m in warm if m.leg is None]
        for member in settled[:max(0, len(warm) - size)]:
            self._begin(member, _TERMINATE_WARM)

    def _launch(self, leg: _Leg, now: float) -> None:
        if now < self._next_launch:
            return
        counts = self._zone_counts()
        instance = self._new_instance(min(self.zones, key=lambda zone: counts[zone]))
        instance.launched = self.clock.utc()
        member = Member(instance, Machine(self._machines, instance, self._run), self.protects_new)
        self.members.append(member)
        self._begin(member, leg)
        member.machine.launch()

    def _zone_counts(self) -> dict[str, int]:
        return {zone: sum(m.counts and not m.replaced and m.instance.availability_zone == zone
                          for m in self.members) for zone in self.zones}

    def _in_grace(self, member: Member) -> bool:
        since = member.in_service_since
        return since is None or self.clock.now() < since + self.health_check_grace_s

    # How one instance goes on.

    def _enter(self, member: Member, state: str) -> None:
        member.state = state
        member.history.append((self.clock.now(), state))

    def _begin(self, member: Member, leg: _Leg) -> None:
        member.leg = leg
        member.actions = {}
        member.in_service_since = None
        # Already while the load balancer still lets connections go (Terminating).
        member.instance.target_lifecycle_state = leg.to
        self._enter(member, leg.during)

    def _advance(self, member: Member, now: float) -> bool:
        """One step, if it can be taken."""
        if (leg := member.leg) is None:
            return False
        if member.state == leg.during:
            return self._arrive(member, leg, now)
        if member.state == f"{leg.during}:Wait":
            return self._end_wait(member, leg, now)
        if member.machine.busy:
            return False
        self._finish(member, leg, now)
        return True

    def _arrive(self, member: Member, leg: _Leg, now: float) -> bool:
        """Goes on to wait for hooks, if there are any."""
        machine = member.machine
        if machine.launch_failed:
            self._next_launch = now + 1
            self._remove(member, leg)
            return True
        if machine.busy and not machine.dead:
            return False
        if member.registered and not machine.dead:
            if now < member.history[-1][0] + self.deregistration_delay_s:
                return False
        member.registered = False
        hooks = [h for h in self.hooks.values() if h.transition == leg.transition]
        if hooks:  # also for a dead one, for which nobody will complete them
            member.actions = {hook.name: LifecycleAction(hook, now) for hook in hooks}
            self._enter(member, f"{leg.during}:Wait")
        else:
            self._proceed(member, leg)
        return True

    def _end_wait(self, member: Member, leg: _Leg, now: float) -> bool:
        for action in member.actions.values():
            action.expire(now)
        results = [action.result for action in member.actions.values()]
        abandoned = "ABANDON" in results
        dies = leg.transition == LAUNCHING and (abandoned or member.machine.dead)
        if None in results and not abandoned and not dies:
            return False
        if dies:
            self._begin(member, _TERMINATE_WARM if member.warm else _TERMINATE)
        else:
            self._proceed(member, leg)
        return True

    def _proceed(self, member: Member, leg: _Leg) -> None:
        self._enter(member, f"{leg.during}:Proceed")
        if leg.to in ("Terminated", "Warmed:Terminated"):
            member.machine.terminate()
        elif leg.to == "Warmed:Stopped":
            member.machine.stop()
        elif leg.to == "Warmed:Hibernated":
            member.machine.hibernate()

    def _finish(self, member: Member, leg: _Leg, now: float) -> None:
        if leg.to in ("Terminated", "Warmed:Terminated"):
            self._remove(member, leg)
            return
        self._enter(member, leg.to)
        member.leg = None
        if leg is _LAUNCH:
            member.in_service_since = now
            member.registered = True

    def _remove(self, member: Member, leg: _Leg) -> None:
        warm = leg.during.startswith("Warmed:")
        self._enter(member, "Warmed:Terminated" if warm else "Terminated")
        member.leg = None
        if member.machine.failure is not None:
            self.failures.append(member.machine.failure)
        member.instance.state = "terminated"
        self.members.remove(member)
        self.gone.append(member)

    def _active_action(self, hook: str, instance_id: str | None,
                       token: str | None) -> LifecycleAction:
        for member in self.members:
            action = member.actions.get(hook)
            if (action is not None and action.result is None and member.state.endswith(":Wait")
                    and (token == action.token if token else instance_id == member.id)):
                return action
        what = f"token {token}" if token else f"instance ID {instance_id}"
        raise invalid(f"No active Lifecycle Action found with {what}")
