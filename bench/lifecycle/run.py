#!/usr/bin/python3
"""Measures how long a node takes to come, to get its share and to go, by number of sessions; writes
bench/LIFECYCLE.md."""

from __future__ import annotations

import argparse
import resource
import signal
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests")]

from cluster.loads import say  # noqa: E402
from cluster.members import wait_until_agreed  # noqa: E402
from cluster.starling import StarlingMembers  # noqa: E402
from lifecycle import life, report  # noqa: E402
from lifecycle.evenness import MODES  # noqa: E402
from lifecycle.plan import BALANCE_RATE, DRAIN_RATE, QUICK, THERE, Size  # noqa: E402

# All clients are one process; it has files of other kinds, too.
_MOST = resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 500


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./x bench --lifecycle", description=__doc__)
    parser.add_argument("--quick", action="store_true",
                        help="few sessions: to see that it works, not for figures")
    parser.add_argument("--sessions", metavar="N,...",
                        type=lambda text: tuple(int(one) for one in text.split(",")),
                        help="of the cluster; default: " + ",".join(map(str, Size().sessions)))
    parser.add_argument("--modes", default=",".join(MODES), help="default: %(default)s")
    parser.add_argument("--runs", type=int, help=f"of each mode; default: {Size().runs}")
    parser.add_argument("--longest", type=float, dest="longest_s", metavar="SECONDS",
                        help="that a load may take by its rate to become even; beyond, it is not "
                        f"waited for; default: {Size().longest_s:g}")
    parser.add_argument("--folder", type=Path,
                        help="where the servers keep their data, and it stays there")
    parser.add_argument("--results", type=Path, default=ROOT / "bench/LIFECYCLE.md",
                        help="default: %(default)s")
    return parser.parse_args()


def play(sessions: int, mode: str, results: report.Results, folder: Path) -> None:
    """In a cluster of its own."""
    folder.mkdir(parents=True)
    with closing(StarlingMembers(folder, life.accounts(sessions), drain={"rate": DRAIN_RATE},
                                 balance={"mode": mode, "rate": BALANCE_RATE})) as members:
        for number in range(THERE):
            members.start(number)
        wait_until_agreed(members, THERE)
        figures = life.play(members, sessions, mode, results.size.longest_s, folder / "load.log")
        say(f"  {figures}")
        results.add(sessions, mode, figures)
        results.version = members.version()


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # stops the servers on the way out
    chosen = options()
    given = {name: value for name in ("sessions", "runs", "longest_s")
             if (value := getattr(chosen, name)) is not None}
    results = report.Results(replace(QUICK if chosen.quick else Size(), **given), chosen.quick)
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as temporary:
        folder = chosen.folder or Path(temporary)
        for sessions in results.size.sessions:
            if sessions > _MOST:
                results.failures.append(f"{sessions:,} sessions: no process may have so many files "
                                        "open here")
                continue
            for run in range(results.size.runs):
                for mode in chosen.modes.split(","):
                    name = f"{sessions} sessions, {mode}, run {run + 1}"
                    say(name)
                    try:
                        play(sessions, mode, results, folder / name.replace(", ", "-"))
                    except (RuntimeError, AssertionError, OSError,
                            subprocess.SubprocessError) as error:
                        say(f"  failed: {error}")
                        why = (str(error).strip() or repr(error)).splitlines()[0]
                        results.failures.append(f"{name}: {why}")
                    # Each time, so that nothing is lost if something ends it.
                    chosen.results.write_text(report.INTRODUCTION + report.text(results))
    print(report.text(results))
    return 1 if results.failures else 0


if __name__ == "__main__":
    sys.exit(main())
