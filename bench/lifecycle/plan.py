"""How much of everything."""

from __future__ import annotations

from dataclasses import dataclass

THERE = 2  # nodes, before the new one
# Sessions a second: the options' defaults.
BALANCE_RATE, DRAIN_RATE = 5, 500
STANZAS_PER_SESSION = 1 / 20  # a second: what `starlingctl advise` takes for granted


@dataclass(frozen=True)
class Size:
    sessions: tuple[int, ...] = (0, 100, 1_000, 3_000, 10_000)
    runs: int = 3
    longest_s: float = 900.0  # for the load to become even


QUICK = Size(sessions=(0, 100, 300), runs=1)
