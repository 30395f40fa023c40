"""What a figure shall be; all figures here are costs: less is better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Protocol

Figures = Mapping[str, list[float]]  # of one row: by server, one of each run


class Aim(Protocol):
    """Of one row."""

    def __str__(self) -> str: ...

    def is_met(self, figures: Figures, others: Mapping[str, Figures]) -> bool | None:
        """None if what it is compared with is missing; `others` are all rows by name."""


def ratios(figures: Figures, to: str) -> list[float]:
    """Of Starling to another, run by run."""
    return [a / b for a, b in zip(figures["starling"], figures[to], strict=False) if b > 0]


@dataclass(frozen=True)
class AtMost:
    """An absolute one."""

    limit: float
    unit: str

    def __str__(self) -> str:
        return f"≤ {self.limit:g} {self.unit}"

    def is_met(self, figures: Figures, others: Mapping[str, Figures]) -> bool | None:
        return median(figures["starling"]) <= self.limit


@dataclass(frozen=True)
class TimesRelay:
    """Next to what the machine allows."""

    limit: float

    def __str__(self) -> str:
        return f"≤ {self.limit:g} × relay"

    def is_met(self, figures: Figures, others: Mapping[str, Figures]) -> bool | None:
        if not figures.get("relay"):
            return None
        return median(ratios(figures, "relay")) <= self.limit


@dataclass(frozen=True)
class PartOf:
    """A fraction, 1 / `parts`, of the best of some peers."""

    parts: float
    peers: tuple[str, ...] = ("ejabberd", "prosody")
    storage: str = ""  # "": whichever is best
    whose: str = "the better peer"

    def __str__(self) -> str:
        return f"≤ 1/{self.parts:g} of {self.whose}" if self.parts != 1 else "less than both peers"

    def is_met(self, figures: Figures, others: Mapping[str, Figures]) -> bool | None:
        theirs = [name for name, values in figures.items() if values
                  and name.partition("/")[0] in self.peers
                  and self.storage in ("", name.partition("/")[2])]
        # The better of one is not yet the better.
        if {name.partition("/")[0] for name in theirs} != set(self.peers):
            return None
        best = min(theirs, key=lambda name: median(figures[name]))
        return median(ratios(figures, best)) * self.parts <= 1


@dataclass(frozen=True)
class FlatFrom:
    """No more than in another, smaller row."""

    row: str
    tolerance: float = 1.2

    def __str__(self) -> str:
        return f"as {self.row} (× {self.tolerance:g} at most)"

    def is_met(self, figures: Figures, others: Mapping[str, Figures]) -> bool | None:
        before = others.get(self.row, {}).get("starling")
        if not before:
            return None
        return median(figures["starling"]) <= self.tolerance * median(before)
