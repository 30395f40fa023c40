"""What the table of capacities (src/core/capacity_table.h) promises, beside what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import median

from constants import constants
from speed.aims import Figures
from speed.rows import Row

PATH = "src/core/capacity_table.h"
KERNEL_KIB = 4  # of an idle TCP connection: docs/performance.md
_KIB_PER_GIB = 1024 * 1024
_US_PER_S = 1_000_000


@dataclass(frozen=True)
class Kind:
    """Of what a node can do."""

    title: str
    promised: float
    arithmetic: str  # with the row's figure as {}
    whole: float  # so much of what one takes is there
    extra: float = 0.0  # that one takes beyond the row's figure


def kinds(table: Mapping[str, int]) -> dict[str, Kind]:
    """By what rows call them."""
    return {
        "sessions": Kind("sessions a GiB", _KIB_PER_GIB / table["kSessionKib"],
                         f"1 GiB / ({{}} KiB + {KERNEL_KIB} of the kernel's)",
                         _KIB_PER_GIB, KERNEL_KIB),
        "stanzas": Kind("stanzas a second and core", table["kStanzasPerCore"], "1 s / {} µs",
                        _US_PER_S),
    }


def text(rows: list[Row], figures: Mapping[str, Figures]) -> str:
    """Nothing if no row says anything about it."""
    telling = [row for row in rows if row.capacity]
    return "\n".join(_lines(telling, figures)) + "\n" if telling else ""


def _lines(rows: list[Row], figures: Mapping[str, Figures]) -> Iterator[str]:
    yield "## What a node reckons with"
    yield ("The rows above that the table of capacities rests on: so much can be done, where the "
           f"table ({PATH}) promises so much for 100 % utilisation.")
    yield ""
    yield "| | | measured | by the table | the table promises more |"
    yield "|---|---|---:|---:|---|"
    of_table = kinds(constants(PATH))
    broken, unknown = [], []
    for row in rows:
        kind = of_table[row.capacity]
        values = figures.get(row.name, {}).get("starling")
        if not values:
            unknown.append(row.name)
            yield f"| {row.title} | {kind.title} | not measured | {kind.promised:,.0f} | – |"
            continue
        cost = median(values)
        measured = kind.whole / (cost + kind.extra)
        # By what one may cost, since the quotient of a quotient is rounded.
        is_broken = cost + kind.extra > kind.whole / kind.promised
        if is_broken:
            broken.append(f"{row.name} allows {measured:,.0f} {kind.title}, and it promises "
                          f"{kind.promised:,.0f}")
        yield (f"| {row.title} | {kind.title}: {kind.arithmetic.format(f'{cost:.3g}')} | "
               f"{measured:,.0f} | {kind.promised:,.0f} | {'**yes**' if is_broken else 'no'} |")
    yield ""
    if broken:
        yield f"**The table promises more than was measured: {'; '.join(broken)}.**"
    elif unknown:
        yield f"Not all of it was measured: {', '.join(unknown)}."
    else:
        yield "The table promises no more than was measured."
