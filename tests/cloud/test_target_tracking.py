"""The double's target tracking: quickly out, slowly in, and nothing on no data."""

from __future__ import annotations

from typing import Any

import pytest
from cloud.machines import ListedMachines

from harness.aws.clock import SteppedClock
from harness.aws.group import Group
from harness.aws.metrics import Metrics, Sample
from harness.aws.target_tracking import TargetTracking, Tracking, utilisation_metric


class World:
    """One group whose instances share a load of so many per cent of one instance."""

    def __init__(self, desired: int = 1, maximum: int = 10, **settings: Any) -> None:
        self.clock = SteppedClock()
        self.metrics = Metrics()
        self.group = Group("chat", self.clock, ListedMachines(), desired=desired, minimum=1,
                           maximum=maximum)
        self.group.tick()
        self.policy = TargetTracking(self.group, self.metrics,
                                     Tracking(target=60, warmup_s=0, **settings))

    def under(self, load: float | None, periods: int) -> None:
        """None: nobody publishes."""
        for _ in range(periods):
            serving = self.group.in_service()
            for _ in serving if load is not None else []:
                share = (load or 0) / len(serving)
                self.metrics.put(utilisation_metric("chat"),
                                 Sample(self.clock.now(), 1, share, share, share, "Percent"))
            self.clock.advance(60)
            self.group.tick()
            self.policy.step()


def test_scales_out_at_once_by_as_much_as_is_needed() -> None:
    world = World()
    world.under(200, 2)
    assert world.group.desired == 1
    world.under(200, 1)
    assert world.group.desired == 4
    world.under(200, 10)
    assert world.policy.decisions == [(180, 4)]  # and that was enough


def test_a_peak_that_is_over_changes_nothing() -> None:
    world = World()
    world.under(200, 2)
    world.under(40, 1)
    world.under(200, 2)
    assert world.group.desired == 1


def test_does_not_go_beyond_the_maximum() -> None:
    world = World(maximum=3)
    world.under(900, 10)
    assert world.group.desired == 3


def test_scales_in_one_at_a_time() -> None:
    world = World(desired=4)
    world.under(30, 14)
    assert world.group.desired == 4
    world.under(30, 1)
    assert world.group.desired == 3
    world.under(30, 14)
    assert world.group.desired == 3
    world.under(30, 1)
    assert world.group.desired == 2
    world.under(30, 40)
    assert world.group.desired == 1


def test_the_cool_down_delays_the_next_scale_in() -> None:
    world = World(desired=4, in_cooldown_s=3600)
    world.under(30, 15)
    assert world.group.desired == 3
    world.under(30, 59)
    assert world.group.desired == 3
    world.under(30, 1)
    assert world.group.desired == 2


@pytest.mark.parametrize("load", [None, 54.5 * 11])
def test_neither_silence_nor_a_little_below_the_target_is_spare_capacity(
        load: float | None) -> None:
    world = World(desired=11, maximum=20)
    world.under(load, 60)
    assert world.group.desired == 11  # though ten could do it, by the average


def test_instances_that_still_come_are_counted_before_more_are_asked_for() -> None:
    world = World(desired=2)
    world.under(150, 3)
    assert world.group.desired == 3
    # The average of before the third came is still above the target.
    world.policy.step()
    assert world.group.desired == 3
