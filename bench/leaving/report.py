"""The table, in Markdown."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date

import machine
from leaving.crowd import Figures, Size

COLUMNS = {
    ("starling", "drain"): "Starling: a node is told to leave",
    ("starling", "kill"): "a node is killed",
    ("starling", "grow"): "a node comes",
    ("starling", "roll"): "all are restarted in turn",
    ("ejabberd", "drain"): "ejabberd: a node is told to leave",
    ("ejabberd", "kill"): "a node is killed",
}


@dataclass
class Results:
    """What was found, by server and scenario."""

    size: Size
    figures: dict[tuple[str, str], Figures] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    load_before: float = field(default_factory=lambda: os.getloadavg()[0])


def _count(*names: str) -> Callable[[Figures], str]:
    return lambda figures: f"{sum(figures[name] for name in names):,.0f}"


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"


def _took(figures: Figures) -> str:
    return _seconds(figures["took_s"])


def _back(name: str) -> Callable[[Figures], str]:
    def cell(figures: Figures) -> str:
        if figures[name] == 0:
            return "0"
        return (f"{figures[name]:,.0f}: {_seconds(figures[f'{name}_p50_s'])}, "
                f"{_seconds(figures[f'{name}_worst_s'])}")
    return cell


def _travel(figures: Figures) -> str:
    def cell(us: float) -> str:
        return _seconds(us / 1e6) if us >= 1e6 else f"{us / 1000:.3g} ms"

    return ", ".join(cell(figures[name]) for name in ("p50_us", "p99_us", "max_us"))


def _cores(figures: Figures) -> str:
    return f"{100 * figures['usual_cores']:.0f} %, {100 * figures['peak_cores']:.0f} %"


_ROWS: tuple[tuple[str, Callable[[Figures], str]], ...] = (
    ("it took", _took),
    ("messages said, acknowledged", lambda f: f"{f['sent']:,.0f}, {f['acknowledged']:,.0f}"),
    ("**acknowledged and lost**", _count("lost")),
    ("acknowledged, and refused to their senders later", _count("refused")),
    ("not received, but in the archive", _count("from_archive")),
    ("… of them, for who has stream management", _count("from_archive_managed")),
    ("never acknowledged to who has stream management", _count("never_acknowledged")),
    ("not acknowledged to who has none, and not received", _count("unacknowledged_not_there")),
    ("**the same `<stanza-id/>` twice in one session**", _count("twice_in_a_session")),
    ("… again in the next, though its client had acknowledged it", _count("again_acknowledged")),
    ("… again in the next, as its client had not", _count("again_open")),
    ("… again in the next, without stream management", _count("again_unmanaged")),
    ("came twice with two ids, as its sender sent it again",
     _count("sent_again_came_twice")),
    ("… though he had not", _count("came_twice_unexplained")),
    ("streams lost", _count("back")),
    ("… resumed: how many, median, worst", _back("resumed")),
    ("… stream management, but begun anew", _back("begun_anew")),
    ("… without stream management, logged in", _back("logged_in")),
    ("**`unavailable` of who has stream management**", _count("unavailable_managed")),
    ("`unavailable` of who has none", _count("unavailable_unmanaged")),
    ("contacts not seen as available at the end", _count("not_seen_at_the_end")),
    ("a message is under way: median, 99 %, worst", _travel),
    ("CPU of a remaining node: before, at most", _cores),
)


def _table(results: Results) -> Iterator[str]:
    there = [column for column in COLUMNS if column in results.figures]
    yield "| | " + " | ".join(COLUMNS[column] for column in there) + " |"
    yield "|-|" + "-:|" * len(there)
    for title, cell in _ROWS:
        cells = [cell(results.figures[column]) for column in there]
        yield f"| {title} | {' | '.join(cells)} |"


def text(results: Results) -> str:
    size = results.size
    blocks = [
        [f"{date.today().isoformat()}; {'; '.join(results.versions.values())}. "
         f"{machine.description()}; the load is made on the same machine. Before the first, the "
         f"load average of the machine was {results.load_before:.1f}. {size.sessions:,} sessions, "
         f"{size.managed_share:.0%} of them with stream management, each with {size.contacts} "
         f"contacts; {size.rate:g} messages a second."],
        [*_table(results)],
    ]
    if results.failures:
        blocks += [["## What failed"], [f"- {failure}" for failure in results.failures]]
    return "\n\n".join("\n".join(block).strip() for block in blocks) + "\n"


INTRODUCTION = """\
# Results of `./x bench --leaving`
<!-- Made by `./x bench --leaving`; bench/leaving/report.py writes it. -->

What clients notice when nodes leave, die and come. All that is counted is counted by the clients,
which are one process: each has an account of its own, and anybody says something to anybody. When
a stream breaks its client connects again at once, where `<see-other-host/>` tells it to, or to
another of the addresses it knows. With stream management (XEP-0198) it tries to resume; if that
fails it binds anew and sends again what was not acknowledged. Without, it logs in, and sends
nothing again. After 20 seconds without an answer a client tries the next address.

- *A node is told to leave*: SIGTERM, at ejabberd `leave_cluster`; one of three nodes, at ejabberd
  of two. *Killed*: SIGKILL. *Comes*: a fourth, until no node has more than 106 % of its share
  (`balance` with its defaults). *All are restarted in turn*: SIGTERM and start, the next when all
  clients are back and the nodes know each other.
- *Lost*: acknowledged to its sender by `<a h=…/>`, and neither did its addressee get it in any of
  its sessions, nor is it in its archive (XEP-0313), into which all look in the end who miss
  something.
- *Again in the next* session: what the client had got in the one before, under the same
  `<stanza-id/>`, by which it knows it. *Acknowledged* says that the client had sent an `<a/>` for
  it, which the server may not have read before it died.
- *`unavailable`*: presences that contacts got. Nobody logs out, so whoever can resume should
  never be announced as gone.
- *Streams lost*: how many came back; from the moment that the client saw its stream break until
  it was resumed, or bound and had sent its presence.
- *CPU* is of one node with its nats-server, in per cent of a core: the middle of the seconds
  before, and the worst second of any node afterwards. *Under way* is over the whole of the run,
  for messages that waited for their addressee to come back, too.

ejabberd keeps everything in Mnesia, with mod_mam, mod_offline and mod_stream_mgmt. Some
`<resume/>` for sessions of a node that has just gone down it does not answer (its log: `Hook
c2s_unbinded_packet crashed`, `nodedown`); those clients come back when their 20 seconds are over.

"""
