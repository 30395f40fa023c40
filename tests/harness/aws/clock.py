"""The time that an Auto Scaling group lives by: the wall's, or faster, or as a test turns it."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone


class Clock:
    """Counts seconds from 0, `speed` times as fast as the wall does.

    Who talks to the double by HTTP lives by the wall, so what a group counts in seconds is told to
    him divided by `speed`, and points in time as those of the wall.
    """

    def __init__(self, speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError(f"speed {speed} is not above 0")
        self.speed = speed
        self.skew_s = 0.0  # how far the cloud's wall is ahead of this machine's
        self._began = datetime.now(timezone.utc)
        self._zero = time.monotonic()

    def now(self) -> float:
        return (time.monotonic() - self._zero) * self.speed

    def utc(self, at: float | None = None) -> datetime:
        """The wall's time when `now()` is `at`; now, if that is not given."""
        at = self.now() if at is None else at
        return self._began + timedelta(seconds=at / self.speed + self.skew_s)

    def at(self, utc: datetime) -> float:
        """What `now()` is at that time of the wall."""
        return ((utc - self._began).total_seconds() - self.skew_s) * self.speed


class SteppedClock(Clock):
    """Stands still but for `advance`."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += seconds


def iso(at: datetime) -> str:
    """As AWS writes times: UTC, whole seconds, `Z`."""
    return at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
