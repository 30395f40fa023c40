"""An instance refresh: every instance that is there when it begins is replaced, by and by."""

from __future__ import annotations

import math
import uuid
from dataclasses import dataclass

from harness.aws.group import Group, Member

_WAIT_FOR_PROTECTED_S = 3600


@dataclass(frozen=True)
class Preferences:
    min_healthy_percentage: int = 90
    max_healthy_percentage: int | None = None  # from 100 on: launches before it terminates
    instance_warmup_s: float = 0
    scale_in_protected_instances: str = "Wait"  # Refresh, Ignore or Wait


class InstanceRefresh:
    """`step` goes on with it, like `Group.tick`."""

    def __init__(self, group: Group, preferences: Preferences) -> None:
        self.id = str(uuid.uuid4())
        self.status = "InProgress"
        self.group = group
        self._preferences = preferences
        self._old = [m for m in group.members if m.counts]
        self._began = group.clock.now()

    @property
    def active(self) -> bool:
        return self.status == "InProgress"

    def step(self) -> None:
        with self.group.changed:
            if not self.active or self._is_under_way():
                return
            left = [m for m in self._old if m.state == "InService"]
            eligible = [m for m in left if self._may_replace(m)]
            waits = self._preferences.scale_in_protected_instances == "Wait"
            if not left or (not eligible and not waits):
                self.status = "Successful"
            elif not eligible:
                if self.group.clock.now() >= self._began + _WAIT_FOR_PROTECTED_S:
                    self.status = "Failed"
            else:
                for member in eligible[:self._batch()]:
                    self.group.replace(member, launches_first=self._launches_first)

    @property
    def percentage(self) -> int:
        """Complete."""
        done = sum(m.state != "InService" for m in self._old)
        return 100 * done // len(self._old) if self._old else 100

    @property
    def _launches_first(self) -> bool:
        return self._preferences.max_healthy_percentage is not None

    def _may_replace(self, member: Member) -> bool:
        return not member.protected or self._preferences.scale_in_protected_instances == "Refresh"

    def _batch(self) -> int:
        """How many at once; one at least."""
        share = 1 - self._preferences.min_healthy_percentage / 100
        if self._preferences.max_healthy_percentage is not None:
            share = self._preferences.max_healthy_percentage / 100 - 1
        return max(1, math.floor(self.group.desired * share))

    def _is_under_way(self) -> bool:
        """The last batch is: whoever came for it is still launching or warming up."""
        now = self.group.clock.now()
        if len(self.group.in_service()) < self.group.desired:
            return True
        return any(m.replaced or (m.leg is not None and not m.warm)
                   or (m not in self._old and m.in_service_since is not None
                       and now < m.in_service_since + self._preferences.instance_warmup_s)
                   for m in self.group.members)
