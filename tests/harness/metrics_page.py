"""docs/metrics.md, as who reads it sees it."""

from __future__ import annotations

import re
from typing import NamedTuple

from harness.node import ROOT

_ROW = re.compile(r"\| `(starling_\w+)` \| (\w+) \| ([\w ]+) \| (.*?) \| (.*) \|")


class Documented(NamedTuple):
    """One metric's row."""

    type: str
    unit: str
    labels: dict[str, str]  # what is said of the values
    help: str


def documented() -> dict[str, Documented]:
    """All that are on the page, by name."""
    found = {}
    for line in (ROOT / "docs/metrics.md").read_text().splitlines():
        if row := _ROW.fullmatch(line):
            name, kind, unit, labels, text = row.groups()
            found[name] = Documented(kind, unit, dict(re.findall(r"`(\w+)`: ([^;]*)", labels)),
                                     text.replace(r"\|", "|"))
    return found
