"""A target-tracking scaling policy: keeps the Average of a metric near a target.

It is quick to scale out and slow to scale in, as AWS's is: out when the metric was above the target
for `out_periods` in a row; in when it was more than a tenth below it for `in_periods`. A period
without samples tells nothing, and nothing is done.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.aws.group import Group
from harness.aws.metrics import MetricKey, Metrics, metric_key

_IN_BELOW = 0.9  # of the target


@dataclass(frozen=True)
class Tracking:
    """Times in seconds of the group's clock. The defaults are AWS's, but for the cool-down, which
    EC2 Auto Scaling does not have: there, the low alarm's many periods pass again."""

    target: float
    period_s: float = 60
    out_periods: int = 3
    in_periods: int = 15
    warmup_s: float = 300  # after it is in service, an instance's share is not yet in the metric
    in_cooldown_s: float = 300
    scales_in: bool = True


def utilisation_metric(group: str) -> MetricKey:
    """What Starling's nodes publish."""
    return metric_key("Starling", "Utilisation", {"AutoScalingGroupName": group})


class TargetTracking:
    """`step` decides, like `Group.tick`."""

    def __init__(self, group: Group, metrics: Metrics, tracking: Tracking,
                 metric: MetricKey | None = None) -> None:
        self._group = group
        self._metrics = metrics
        self._tracking = tracking
        self._metric = metric or utilisation_metric(group.name)
        self._last_change = -math.inf
        self.decisions: list[tuple[float, int]] = []  # when, and the desired capacity from then on

    def step(self) -> None:
        with self._group.changed:
            now = self._group.clock.now()
            if (average := self._breach(now, self._tracking.out_periods, above=True)) is not None:
                self._scale_out(now, average)
            elif (average := self._breach(now, self._tracking.in_periods,
                                          above=False)) is not None:
                self._scale_in(now, average)

    def _breach(self, now: float, periods: int, *, above: bool) -> float | None:
        """The last period's average, if that and all the `periods` before it that are over lie on
        the wrong side, and nothing was changed meanwhile."""
        period = self._tracking.period_s
        end = math.floor(now / period) * period
        start = end - periods * period
        if start < 0 or (not above and start < self._last_change):
            return None
        points = self._metrics.statistics(self._metric, start, end, period)
        target = self._tracking.target
        if len(points) < periods or not all(
                point.average > target if above else point.average < target * _IN_BELOW
                for point in points):
            return None
        return points[-1].average

    def _scale_out(self, now: float, average: float) -> None:
        """By who served while the average was taken, so that nobody is launched for a load that
        those who have just come will take."""
        before = now - self._tracking.period_s - self._tracking.warmup_s
        serving = [m for m in self._group.in_service()
                   if m.in_service_since is not None and m.in_service_since <= before]
        wanted = math.ceil(len(serving) * average / self._tracking.target)
        self._change(now, wanted, wanted > self._group.desired)

    def _scale_in(self, now: float, average: float) -> None:
        """One at a time, and not while others still come."""
        if not self._tracking.scales_in or now < self._last_change + self._tracking.in_cooldown_s:
            return
        if any(m.counts and m.state != "InService" for m in self._group.members):
            return
        needed = math.ceil(len(self._group.in_service()) * average / self._tracking.target)
        wanted = max(needed, self._group.desired - 1)
        self._change(now, wanted, wanted < self._group.desired)

    def _change(self, now: float, wanted: int, is_wanted: bool) -> None:
        wanted = max(self._group.minimum, min(self._group.maximum, wanted))
        if is_wanted and wanted != self._group.desired:
            self._last_change = now
            self.decisions.append((now, wanted))
            self._group.set_desired(wanted)
