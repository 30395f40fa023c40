#!/usr/bin/python3
"""Lets nodes leave, die and come while 3,000 sessions talk, and counts what clients notice of it;
ejabberd's beside. Writes bench/LEAVING.md."""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests")]

from cluster.ejabberd import EjabberdMembers  # noqa: E402
from cluster.loads import say  # noqa: E402
from cluster.members import Accounts, Members, wait_until_agreed  # noqa: E402
from cluster.starling import StarlingMembers  # noqa: E402
from leaving import report, scenarios  # noqa: E402
from leaving.crowd import QUICK, Size  # noqa: E402

_KINDS: dict[str, Callable[[Path, Accounts], Members]] = {
    "starling": StarlingMembers,
    "ejabberd": lambda folder, accounts: EjabberdMembers(folder, accounts, archive=True)}
_NODES = {"starling": 3, "ejabberd": 2}
_ATTEMPTS = 6


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./x bench --leaving", description=__doc__)
    parser.add_argument("--quick", action="store_true",
                        help="few sessions: to see that it works, not for figures")
    parser.add_argument("--peers", default=",".join(_KINDS), help="default: %(default)s")
    parser.add_argument("--only", default=",".join(scenarios.SCENARIOS),
                        help="default: %(default)s")
    parser.add_argument("--sessions", type=int)
    parser.add_argument("--managed-share", type=float, help="of them, with stream management")
    parser.add_argument("--rate", type=float, help="messages a second")
    parser.add_argument("--steady", type=float,
                        help="seconds of talk before something happens, and after")
    parser.add_argument("--folder", type=Path,
                        help="where the servers keep their data, and it stays there")
    parser.add_argument("--results", type=Path, default=ROOT / "bench/LEAVING.md",
                        help="default: %(default)s")
    return parser.parse_args()


@contextmanager
def cluster_of(kind: str, accounts: Accounts, folder: Path) -> Iterator[Members]:
    """Mnesia of Debian's Erlang crashes now and then when a node joins: then all begin anew."""
    for attempt in range(_ATTEMPTS):
        with closing(_KINDS[kind](folder / str(attempt), accounts)) as members:
            try:
                for number in range(_NODES[kind]):
                    members.start(number)
                wait_until_agreed(members, _NODES[kind])
            except subprocess.SubprocessError as error:
                say(f"  did not start: {error}")
                continue
            yield members
            return
    raise RuntimeError("the cluster does not start")


def play(kind: str, name: str, results: report.Results, folder: Path) -> None:
    """In a cluster of its own."""
    place = folder / f"{kind}-{name}"
    place.mkdir(parents=True)
    say(f"{kind}: {name}")
    accounts = Accounts(results.size.sessions, results.size.contacts)
    with cluster_of(kind, accounts, place) as members:
        log = place / "load.log"
        figures = scenarios.play(name, members, _NODES[kind], results.size, log)
        say(f"  {figures}\n  " + log.read_text().strip().replace("\n", "\n  "))
        results.figures[kind, name] = figures
        results.versions[kind] = members.version()


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # stops the servers on the way out
    chosen = options()
    given = {name: value for name in ("sessions", "managed_share", "rate", "steady")
             if (value := getattr(chosen, name)) is not None}
    results = report.Results(replace(QUICK if chosen.quick else Size(), **given))
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as temporary:
        folder = chosen.folder or Path(temporary)
        for kind in chosen.peers.split(","):
            if kind == "ejabberd" and shutil.which("ejabberdctl") is None:
                results.failures.append("ejabberd: not installed")
                continue
            for name in chosen.only.split(","):
                if (kind, name) not in report.COLUMNS:
                    continue
                try:
                    play(kind, name, results, folder)
                except (RuntimeError, AssertionError, OSError) as error:
                    say(f"  failed: {error}")
                    results.failures.append(f"{kind}, {name}: {str(error).strip()}")
                # Each time, so that nothing is lost if something ends it.
                chosen.results.write_text(report.INTRODUCTION + report.text(results))
    print(report.text(results))
    return 1 if results.failures else 0


if __name__ == "__main__":
    sys.exit(main())
