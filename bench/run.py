#!/usr/bin/python3
"""Measures Starling, the relay, ejabberd and Prosody side by side; writes bench/RESULTS.md."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests")]

from harness.authority import Authority  # noqa: E402
from servers import catalogue  # noqa: E402
from speed import report  # noqa: E402
from speed.contest import Contest, Failed, held, say  # noqa: E402
from speed.rows import QUICK, Field, Row, Size, rows  # noqa: E402


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./x bench", description=__doc__)
    parser.add_argument("--quick", action="store_true",
                        help="small and short: to see that it works, not for figures")
    parser.add_argument("--only", default="*", metavar="ROW,...",
                        help="rows whose name fits, with * and ?; see --list")
    parser.add_argument("--list", action="store_true", help="the rows' names, and no more")
    parser.add_argument("--peers", default="starling,relay,ejabberd,prosody",
                        help="default: %(default)s")
    parser.add_argument("--runs", type=int, help="of each row")
    parser.add_argument("--seconds", type=float, help="that a run measures")
    parser.add_argument("--sessions", type=int, help="that are idle")
    parser.add_argument("--folder", type=Path, help="where the servers keep their data meanwhile")
    parser.add_argument("--results", type=Path, default=ROOT / "bench/RESULTS.md",
                        help="default: %(default)s")
    return parser.parse_args()


def chosen_size(chosen: argparse.Namespace) -> Size:
    given = {name: value for name in ("runs", "seconds", "sessions")
             if (value := getattr(chosen, name)) is not None}
    return replace(QUICK if chosen.quick else Size(), **given)


def measure(field: Field, of_field: list[Row], results: report.Results, peers: list[str],
            folder: Path) -> bool:
    """Whether all of them did all that was asked."""
    names = list(dict.fromkeys(name for row in of_field for name in ("starling", *row.peers)
                               if name.partition("/")[0] in peers))
    for name in names:
        if not catalogue.is_installed(name):
            results.missing |= {(row.name, name): "not installed" for row in of_field}
    say(f"{field}: {', '.join(names)}")
    contest = Contest(field, [name for name in names if catalogue.is_installed(name)], folder,
                      Authority(folder / "authority").issue("localhost"))
    try:
        results.versions |= contest.versions
        for row in of_field:
            figures = results.figures.setdefault(row.name, {})
            for run in range(results.size.runs):
                say(f"  {row.name}, run {run + 1}")
                for name in [name for name in names if name in ("starling", *row.peers)]:
                    if (figure := contest.run(row, name, results.size)) is not None:
                        figures.setdefault(name, []).append(figure)
            for name, why in contest.failures.items():
                results.missing.setdefault((row.name, name), f"failed: {why}")
                # A median of fewer runs than the others' would look like theirs.
                figures.pop(name, None)
    finally:
        contest.close()
    return not contest.failures


def measure_held(field: Field, of_field: list[Row], results: report.Results) -> bool:
    """Once: two million sessions are many already. Whether it went well."""
    say(f"{field}")
    try:
        result = held(field)
    except (Failed, OSError, subprocess.TimeoutExpired) as error:
        say(f"  held_sessions failed: {error}")
        results.missing |= {(row.name, "starling"): f"failed: {error}" for row in of_field}
        return False
    for row in of_field:
        results.figures[row.name] = {"starling": [result[row.figure] * row.scale]}
    return True


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # stops the servers on the way out
    chosen = options()
    size = chosen_size(chosen)
    table = [row for row in rows(size)
             if any(fnmatch(row.name, pattern) for pattern in chosen.only.split(","))]
    if chosen.list or not table:
        print("\n".join(row.name for row in (rows(size) if chosen.list else table)))
        return 0 if chosen.list else 2
    fields: dict[Field, list[Row]] = {}
    for row in table:
        fields.setdefault(row.field, []).append(row)
    results = report.Results(table, size)
    good = True
    for field, of_field in fields.items():
        if field.held:
            good &= measure_held(field, of_field, results)
        else:
            with tempfile.TemporaryDirectory(prefix="bench-", dir=chosen.folder,
                                             ignore_cleanup_errors=True) as folder:
                good &= measure(field, of_field, results, chosen.peers.split(","), Path(folder))
        # Each time, so that an hour is not lost if something ends it.
        chosen.results.write_text(report.INTRODUCTION + report.text(results))
    print(report.text(results))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
