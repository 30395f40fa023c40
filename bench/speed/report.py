"""The table, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from statistics import median

import machine
from speed import capacity
from speed.aims import Figures, ratios
from speed.rows import Row, Size

_KINDS = ("starling", "relay", "ejabberd", "prosody")


@dataclass
class Results:
    """What was found, by the names of rows and servers."""

    rows: list[Row]
    size: Size
    figures: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    missing: dict[tuple[str, str], str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _spread(values: list[float], format_one: str = "{}") -> str:
    middle = format_one.format(_number(median(values)))
    if len(values) == 1:
        return middle
    return f"{middle} ({_number(min(values))}–{_number(max(values))})"


def _cell(results: Results, row: Row, kind: str) -> str:
    figures: Figures = results.figures.get(row.name, {})
    names = [name for name in ("starling", *row.peers) if name.partition("/")[0] == kind]
    parts = []
    for name in names:
        storage = f"{name.partition('/')[2]}: " if "/" in name else ""
        if values := figures.get(name):
            text = _spread(values)
            if name != "starling" and figures.get("starling"):
                text += f"; × {_spread(ratios(figures, name))}"
        else:
            text = results.missing.get((row.name, name), "not measured")
        parts.append(storage + text)
    return "<br>".join(parts) or "–"


def _met(results: Results, row: Row) -> str:
    figures = results.figures.get(row.name, {})
    if not figures.get("starling"):
        return "not measured"
    words: Mapping[bool | None, str] = {True: "yes", False: "**no**", None: "cannot be said"}
    return "<br>".join(words[aim.is_met(figures, results.figures)] for aim in row.aims) or "–"


def text(results: Results) -> str:
    size = results.size
    lines = [
        f"{date.today().isoformat()}; {'; '.join(dict.fromkeys(results.versions.values()))}. "
        f"{machine.description()}; the load is made on the same machine. {size.runs} runs of "
        f"{size.seconds:g} s each, after {size.warmup:g} s of warm-up.",
        "",
        "| | unit | starling | relay | ejabberd | prosody | aim | met |",
        "|---|---|---:|---:|---:|---:|---|---|",
    ]
    for row in results.rows:
        cells = [_cell(results, row, kind) for kind in _KINDS]
        aims = "<br>".join(str(aim) for aim in row.aims) or "–"
        lines.append(f"| {row.title} | {row.unit} | {' | '.join(cells)} | {aims} | "
                     f"{_met(results, row)} |")
    parts = ["\n".join(lines) + "\n", capacity.text(results.rows, results.figures)]
    return "\n".join(part for part in parts if part)


INTRODUCTION = """\
# Results of `./x bench`
<!-- Made by `./x bench`; bench/speed/report.py writes it. -->

What a message, a session, a log-in costs the server. CPU is that of the server's own process and
its children, in user mode and in the kernel; memory is the growth of its proportional set size. All
servers of a row are measured in the same run of `./x bench`, in turn. Each figure is the median of
its runs, with the least and the greatest; after × stands Starling's figure as a multiple of the
other's, again the median over the runs. The relay only copies bytes between sockets: no server can
be much cheaper. How each server is set up is in bench/servers/; archives are off, unless a row says
otherwise: Starling, where an archive cannot be turned off, is asked by the messages to keep none of
them, and the others get the same messages. With an archive, what a server has put off counts as
well: CPU is read until it rests.

"""
