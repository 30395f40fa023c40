"""The table, in Markdown."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from statistics import median

import machine
from lifecycle.evenness import MODES, ROUND_S
from lifecycle.plan import BALANCE_RATE, DRAIN_RATE, STANZAS_PER_SESSION, Size

Figures = dict[str, float]
_NONE = "–"


@dataclass
class Results:
    """What was found, by the number of sessions and the mode of balance: one of each run."""

    size: Size
    is_trial: bool = False
    figures: dict[tuple[int, str], list[Figures]] = field(default_factory=dict)
    version: str = ""
    failures: list[str] = field(default_factory=list)
    load_before: float = field(default_factory=lambda: os.getloadavg()[0])

    def add(self, sessions: int, mode: str, figures: Figures) -> None:
        self.figures.setdefault((sessions, mode), []).append(figures)

    def values(self, name: str, sessions: int, *modes: str) -> list[float]:
        """Of all runs that have it; of all modes if none is named."""
        return [one[name] for mode in modes or MODES
                for one in self.figures.get((sessions, mode), []) if name in one]


def _number(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _spread(values: list[float]) -> str:
    if not values:
        return _NONE
    least, middle, most = (_number(each) for each in (min(values), median(values), max(values)))
    return f"{middle} s" if least == most else f"{middle} s ({least}–{most})"


def _times(name: str, *modes: str) -> Callable[[Results, int], str]:
    return lambda results, sessions: _spread(results.values(name, sessions, *modes))


def _sums(*names: str) -> Callable[[Results, int], str]:
    def cell(results: Results, sessions: int) -> str:
        values = [results.values(name, sessions) for name in names]
        return ", ".join(f"{sum(each):,.0f}" for each in values) if all(values) else _NONE
    return cell


def _told_with(results: Results, sessions: int) -> str:
    values = results.values("told_with", sessions)
    return f"{median(values):,.0f}" if values else _NONE


def _gone_reckoned(results: Results, sessions: int) -> str:
    return _spread([count / DRAIN_RATE for count in results.values("told_with", sessions)])


def _interrupted(results: Results, sessions: int) -> str:
    middles = results.values("resumed_p50_s", sessions)
    if not middles:
        return _NONE
    worst = max(results.values("resumed_worst_s", sessions))
    return f"{_number(median(middles))} s, {_number(worst)} s"


_ROWS: tuple[tuple[str, Callable[[Results, int], str]], ...] = (
    ("**process start → first log-in answered**", _times("served_s")),
    *((title.format(mode), _times(name, mode)) for mode in MODES for title, name in (
        ("**decision → even load**, `{}`", "even_s"), ("… by its rate", "even_reckoned_s"))),
    ("a node is told to leave: its sessions", _told_with),
    ("**notice → its process gone**", _times("gone_s")),
    ("… by `drain.rate`", _gone_reckoned),
    ("… and all its sessions back on others", _times("back_s")),
    ("a session that moves has no stream for: median, worst", _interrupted),
    ("messages said, acknowledged", _sums("sent", "acknowledged")),
    ("**acknowledged and lost**", _sums("lost")),
    ("**the same `<stanza-id/>` twice in one session**", _sums("twice_in_a_session")),
    ("**sessions that could not be resumed**", _sums("begun_anew")),
)


def _table(results: Results) -> Iterator[str]:
    counts = list(dict.fromkeys(sessions for sessions, _ in results.figures))
    yield f"| sessions | {' | '.join(f'{sessions:,}' for sessions in counts)} |"
    yield "|-|" + "-:|" * len(counts)
    for title, cell in _ROWS:
        yield f"| {title} | {' | '.join(cell(results, sessions) for sessions in counts)} |"


def text(results: Results) -> str:
    size = results.size
    blocks = [
        [f"{date.today().isoformat()}; {results.version}. {machine.description()}; the load is "
         f"made on the same machine. {size.runs} run{'s' if size.runs > 1 else ''} of each mode. "
         f"Before the first, the load average of the machine was {results.load_before:.1f}."],
        [*_table(results)],
    ]
    if results.is_trial:
        blocks.insert(1, ["**Made by `--quick`: small and short, to see that it works, not for "
                          "figures.**"])
    if results.failures:
        blocks += [["## What failed"], [f"- {failure}" for failure in results.failures]]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


INTRODUCTION = f"""\
# Results of `./x bench --lifecycle`
<!-- Made by `./x bench --lifecycle`; bench/lifecycle/report.py writes it. -->

How long a node takes to come, to get its share of the sessions, and to go, by the number of
sessions of the whole cluster. Two nodes that share a PostgreSQL have them, half each; a third
comes, and when the load is even the second is told to leave. Each run has a cluster of its own. All
sessions have stream management (XEP-0198), {STANZAS_PER_SESSION * 60:g} messages a minute and four
contacts, and are made by the clients of `./x bench --leaving`. Each figure is the median of its
runs, with the least and the greatest.

- *Process start → first log-in answered*: the new node's process is started, joins, reads where all
  accounts are, and answers the log-in of a user who is connected nowhere else: SCRAM, bind, stream
  management. On a machine that is new its own start comes before that.
- *Decision → even load*: from the same moment until the last session has moved. A node begins to
  let go of sessions when it has more than 120 % of its share, ten too many at least, and another
  less than 90 %, or one less than 67 %; and ends at 105 % (`src/core/balance.cc`).
  `gentle`, the default, is
  `balance.rate` a second from each node, which is {BALANCE_RATE} unless it is set; `eager` is
  {MODES["eager"]} times as many. *By its rate*: the surplus of the fuller node by that rate, and
  nothing else. Nodes look at their loads every {ROUND_S} seconds and hear of the others' every
  half; the bench looks four times a second. Where the rate alone takes longer than `--longest`,
  nobody waits for it.
- *Notice → its process gone*: SIGTERM, which begins the same drain as a cloud's notice does
  (docs/lifecycle.md), until the process has ended with exit code 0. *By `drain.rate`*: its sessions
  by {DRAIN_RATE} a second, the default. *Back*: until all have a stream again.
- *Has no stream*: from the moment that the client saw its stream end until it was resumed, both
  when the load evened out and when the node left. What is *lost* is said in bench/LEAVING.md.

"""
