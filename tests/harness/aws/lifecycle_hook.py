"""Lifecycle hooks, and the actions that instances wait for because of them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"
TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"
_LONGEST_S = 48 * 3600


@dataclass(frozen=True)
class LifecycleHook:
    """AWS allows time-outs from 30 s on; here they may be shorter."""

    name: str
    transition: str
    heartbeat_timeout_s: float = 3600
    default_result: str = "ABANDON"

    @property
    def global_timeout_s(self) -> float:
        """What heartbeats cannot extend."""
        return min(_LONGEST_S, 100 * self.heartbeat_timeout_s)


class LifecycleAction:
    """One instance waits for one hook: until somebody completes it, or time is up."""

    def __init__(self, hook: LifecycleHook, now: float) -> None:
        self.hook = hook
        self.token = str(uuid.uuid4())
        self.result: str | None = None
        self.timed_out = False
        self.heartbeats = 0
        self._began = now
        self.deadline = now
        self._extend(now)

    def beat(self, now: float) -> None:
        self.heartbeats += 1
        self._extend(now)

    def complete(self, result: str) -> None:
        self.result = result

    def expire(self, now: float) -> None:
        """Takes the default for the result, if the deadline is over."""
        if self.result is None and now >= self.deadline:
            self.result = self.hook.default_result
            self.timed_out = True

    def _extend(self, now: float) -> None:
        self.deadline = min(now + self.hook.heartbeat_timeout_s,
                            self._began + self.hook.global_timeout_s)
