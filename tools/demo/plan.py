"""How the demo goes: who is there when, and what the group may do about it."""

from __future__ import annotations

from dataclasses import dataclass

from harness.aws.target_tracking import Tracking


@dataclass(frozen=True)
class Plan:
    """Times in seconds of the wall."""

    sessions_least: int
    sessions_most: int
    capacity: int  # sessions that are 100 % of a node; small, so that a few nodes are needed
    rate: float  # messages a second, with all sessions
    rise_s: float
    stay_s: float
    fall_s: float
    longest_s: float  # for all of it
    nodes_most: int
    speed: float  # of the group's clock
    publish_s: int = 2  # how often a node publishes its utilisation

    target: int = 60  # per cent

    def wanted(self, at: float) -> int:
        """How many sessions there are to be, so long after the begin."""
        range_ = self.sessions_most - self.sessions_least
        if at < self.rise_s:
            return self.sessions_least + int(range_ * at / self.rise_s)
        at -= self.rise_s + self.stay_s
        if at < 0:
            return self.sessions_most
        return max(self.sessions_least, self.sessions_most - int(range_ * at / self.fall_s))

    def is_low_tide(self, at: float) -> bool:
        return at > self.rise_s + self.stay_s + self.fall_s

    @property
    def tracking(self) -> Tracking:
        """What would take minutes at a cloud, where metrics are a minute old, takes seconds."""
        second = self.speed
        return Tracking(target=self.target, period_s=3 * second, out_periods=1, in_periods=2,
                        warmup_s=5 * second, in_cooldown_s=4 * second)


FULL = Plan(sessions_least=200, sessions_most=4000, capacity=1500, rate=500, rise_s=180, stay_s=60,
            fall_s=120, longest_s=600, nodes_most=8, speed=10)
FAST = Plan(sessions_least=60, sessions_most=800, capacity=400, rate=150, rise_s=35, stay_s=15,
            fall_s=20, longest_s=170, nodes_most=6, speed=20)
