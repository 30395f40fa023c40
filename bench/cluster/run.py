#!/usr/bin/python3
"""Measures what a cluster costs over one node, and ejabberd's beside; writes bench/CLUSTER.md."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests")]

from cluster import loads, report, times  # noqa: E402
from cluster.ejabberd import EjabberdMembers  # noqa: E402
from cluster.loads import CHATS, LOGIN_SIZES, PLACES, QUICK, Size, say  # noqa: E402
from cluster.members import Members  # noqa: E402
from cluster.starling import StarlingMembers  # noqa: E402

_KINDS: dict[str, Callable[[Path], Members]] = {
    "starling": StarlingMembers, "ejabberd": EjabberdMembers}
_LARGEST = {"starling": 5, "ejabberd": 3}
_OWN_ONLY = ("visitor", "visitors")


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./x bench --cluster", description=__doc__)
    parser.add_argument("--quick", action="store_true",
                        help="short: to see that it works, not for figures")
    parser.add_argument("--peers", default=",".join(_KINDS), help="default: %(default)s")
    parser.add_argument("--only", default="loads,times", help="default: %(default)s")
    parser.add_argument("--runs", type=int, help="of each row")
    parser.add_argument("--seconds", type=float, help="that a run measures")
    parser.add_argument("--folder", type=Path, help="where the servers keep their data meanwhile")
    parser.add_argument("--results", type=Path, default=ROOT / "bench/CLUSTER.md",
                        help="default: %(default)s")
    return parser.parse_args()


@contextmanager
def cluster_of(kind: str, size: int, folder: Path | None) -> Iterator[Members]:
    with (tempfile.TemporaryDirectory(prefix="bench-", dir=folder,
                                      ignore_cleanup_errors=True) as place,
          closing(_KINDS[kind](Path(place))) as members):
        for number in range(size):
            members.start(number)
        yield members


def measure_loads(kind: str, results: report.Results, folder: Path | None) -> None:
    """One cluster that grows."""
    size = results.size
    with cluster_of(kind, 0, folder) as members:
        there = 0
        for count in (count for count in LOGIN_SIZES if count <= _LARGEST[kind]):
            for number in range(there, count):
                members.start(number)
            there = count
            for run in range(size.runs):
                say(f"    log-in, {count} nodes, run {run + 1}")
                results.add(kind, f"login-{count}", loads.login(members, size, count))
            if count == 2:
                measure_chats(kind, members, results)
        results.versions[kind] = members.version()


def measure_chats(kind: str, members: Members, results: report.Results) -> None:
    places = [place for place in PLACES if kind == "starling" or place.name not in _OWN_ONLY]
    for pairs, window in CHATS:
        for run in range(results.size.runs):
            for place in places:
                say(f"    {pairs} pairs, {window} in flight, {place.name}, run {run + 1}")
                results.add(kind, f"chat-{pairs}-{window}-{place.name}",
                            loads.chat(members, results.size, place, pairs, window))


def measure_times(kind: str, results: report.Results, folder: Path | None) -> None:
    """Each run in a cluster of its own: its third node is new."""
    for run in range(results.size.runs):
        with cluster_of(kind, 2, folder) as members:
            for row, wait in (("join", lambda: times.join(members)),
                              ("kill", lambda: times.lose(members, is_frozen=False)),
                              ("freeze", lambda: times.lose(members, is_frozen=True))):
                if row == "freeze":
                    members.start(2)
                say(f"    {row}, run {run + 1}")
                figures = wait()
                say(f"      {figures}")
                results.add(kind, row, figures)
            results.versions[kind] = members.version()


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # stops the servers on the way out
    chosen = options()
    given = {name: value for name in ("runs", "seconds")
             if (value := getattr(chosen, name)) is not None}
    results = report.Results(replace(QUICK if chosen.quick else Size(), **given))
    steps = {"loads": measure_loads, "times": measure_times}
    for kind in chosen.peers.split(","):
        if kind == "ejabberd" and shutil.which("ejabberdctl") is None:
            results.failures.append("ejabberd: not installed")
            continue
        for name in chosen.only.split(","):
            say(f"{kind}: {name}")
            try:
                steps[name](kind, results, chosen.folder)
            except (RuntimeError, AssertionError, OSError) as error:
                say(f"  failed: {error}")
                results.failures.append(f"{kind}, {name}: {str(error).strip().splitlines()[0]}")
            # Each time, so that nothing is lost if something ends it.
            chosen.results.write_text(report.INTRODUCTION + report.text(results))
    print(report.text(results))
    return 1 if results.failures else 0


if __name__ == "__main__":
    sys.exit(main())
