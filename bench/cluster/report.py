"""The tables, in Markdown."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from statistics import median

import machine
from cluster.loads import CHATS, LOGIN_SIZES, PLACES, Figures, Size

KINDS = ("starling", "ejabberd")
_NONE = "–"


@dataclass
class Results:
    """What was found, by server and row: one of each run."""

    size: Size
    figures: dict[tuple[str, str], list[Figures]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    load_before: float = field(default_factory=lambda: os.getloadavg()[0])

    def add(self, kind: str, row: str, figures: Figures) -> None:
        self.figures.setdefault((kind, row), []).append(figures)

    def values(self, kind: str, row: str, name: str) -> list[float]:
        return [one[name] for one in self.figures.get((kind, row), []) if name in one]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _spread(values: list[float]) -> str:
    if not values:
        return _NONE
    middle = _number(median(values))
    least, greatest = _number(min(values)), _number(max(values))
    return middle if least == greatest else f"{middle} ({least}–{greatest})"


def _percent(values: list[float]) -> str:
    return f"{median(values):.0f} %" if values else _NONE


def _ratio(results: Results, kind: str, row: str, base: str) -> str:
    pairs = zip(results.values(kind, row, "server_us"), results.values(kind, base, "server_us"),
                strict=False)
    return _spread([a / b for a, b in pairs if b > 0])


def _load_row(results: Results, title: str, row: str, base: str) -> str:
    cells = [title]
    for kind in KINDS:
        cells += [_spread(results.values(kind, row, "server_us")),
                  _ratio(results, kind, row, base)]
        if kind == "starling":
            cells += [_percent(results.values(kind, row, "bus_percent")),
                      _spread(results.values(kind, row, "database_us"))]
        cells.append(_spread(results.values(kind, row, "p50_us")))
    return f"| {' | '.join(cells)} |"


def _head(first: str, base: str) -> Iterator[str]:
    yield (f"| {first} | Starling, µs | × {base} | of it nats-server | its PostgreSQL, µs | "
           f"it takes, µs | "
           f"ejabberd, µs | × {base} | it takes, µs |")
    yield "|-|-:|-:|-:|-:|-:|-:|-:|-:|"


def _chats(results: Results) -> Iterator[str]:
    yield from _head("a message", "within")
    for pairs, window in CHATS:
        for place in PLACES:
            flight = "one in flight" if window == 1 else f"{window} in flight"
            yield _load_row(results, f"{pairs} pairs, {flight}: {place.title}",
                            f"chat-{pairs}-{window}-{place.name}", f"chat-{pairs}-{window}-within")


def _logins(results: Results) -> Iterator[str]:
    yield from _head("a log-in", "one node")
    for count in LOGIN_SIZES:
        yield _load_row(results, f"{count} node{'s' if count > 1 else ''}", f"login-{count}",
                        "login-1")


_TIMES = (
    ("join", "serves", "a third node: from the start of its process to the first log-in there"),
    ("join", "known", "… to both others listing it"),
    *((row, name, title.format(what)) for row, what in (
        ("kill", "killed"), ("freeze", "frozen")) for name, title in (
            ("gone", "a node is {}: to both others listing it no more"),
            ("back", "… to all of its users being logged in at another"),
            ("new", "… to half of those who were not connected being logged in"),
            ("last_new", "… to all of those"),
            ("acknowledged", "… to a message for one of its users being acknowledged"))),
)


def _times(results: Results) -> Iterator[str]:
    yield "| seconds | Starling | ejabberd |"
    yield "|-|-:|-:|"
    for row, name, title in _TIMES:
        cells = [_spread(results.values(kind, row, name)) for kind in KINDS]
        yield f"| {title} | {' | '.join(cells)} |"
        if name == "acknowledged":
            arrived = [results.values(kind, row, "arrived") for kind in KINDS]
            words = [f"{sum(all_runs):.0f} of {len(all_runs)}" if all_runs else _NONE
                     for all_runs in arrived]
            yield f"| … and it is there when that user logs in again | {' | '.join(words)} |"


def text(results: Results) -> str:
    size = results.size
    blocks = [
        [f"{date.today().isoformat()}; {'; '.join(results.versions.values())}. "
         f"{machine.description()}; the load is made on the same machine. {size.runs} "
         f"run{'s' if size.runs > 1 else ''} of {size.seconds:g} s each, after "
         f"{size.warmup:g} s of warm-up. Before the first, the load average of the machine was "
         f"{results.load_before:.1f}."],
        ["## Messages", "In a cluster of two, 100 bytes, plain, kept in no archive.", ""],
        [*_chats(results)],
        ["## Log-ins", "Log-in, roster, presence, log-out, plain; evenly at all nodes, 50 at a "
         "time.", ""],
        [*_logins(results)],
        ["## Who comes, and who is lost"],
        [*_times(results)],
    ]
    if results.failures:
        blocks += [["## What failed"], [f"- {failure}" for failure in results.failures]]
    return "\n\n".join("\n".join(block).strip() for block in blocks) + "\n"


INTRODUCTION = """\
# Results of `./x bench --cluster`
<!-- Made by `./x bench --cluster`; bench/cluster/report.py writes it. -->

What a cluster costs beyond a node, in CPU of all its processes: every starlingd with its
nats-server, those that nobody talks to as well; PostgreSQL for itself; every Erlang machine of
ejabberd. All nodes share one machine and its cores with all else, and a hop costs no network:
ratios say more than microseconds, and how long a message takes is that of a machine that is full.
Each figure is the median of its runs, with the least and the greatest; after × stands what it is of
the row that the column's head names, again the median over the runs.

ejabberd has the session table on every node, its nodes find each other by `join_cluster`, and a
second device is to it like any other. It keeps accounts and sessions in Mnesia, Starling in
PostgreSQL, with a durable commit.

A killed process (SIGKILL) is noticed by all who have a connection to it, since its kernel ends
them; a frozen one (SIGSTOP, its children too) ends none, as a machine that is gone. ejabberd
acknowledges a message when it has passed it on, Starling when it is delivered or stored; the line
below it says whether the message, sent in the first milliseconds, was there later. When a node is
listed is read from the others' logs (`cluster_node_seen`, `cluster_node_gone`), from the newcomer's
first moment of service on, and of ejabberd by `list_cluster` every 20 ms.

"""
