#!/usr/bin/python3
"""The durability campaign, on every server that is installed; docs/durability.md says more."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests")]

from durability import report  # noqa: E402
from durability.campaign import SITUATIONS, Campaign, Size, Unfinished  # noqa: E402
from servers import catalogue  # noqa: E402
from servers.base import Setup  # noqa: E402

SERVERS = ("starling", "ejabberd/mnesia", "ejabberd/sqlite", "prosody/internal", "prosody/sqlite")


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./x durability", description=__doc__)
    parser.add_argument("--servers", default=",".join(SERVERS), help="default: %(default)s")
    parser.add_argument("--situations", default=",".join(SITUATIONS), help="default: %(default)s")
    parser.add_argument("--pairs", type=int, default=Size.pairs, help="default: %(default)s")
    parser.add_argument("--kills", type=int, default=Size.kills, help="default: %(default)s")
    parser.add_argument("--round", type=float, default=Size.round_s, metavar="SECONDS",
                        help="the longest time from log-in to kill (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=Size.seed)
    parser.add_argument("--syncs", action="store_true", help="count fsync and fdatasync (strace)")
    parser.add_argument("--spare", action="store_true",
                        help="kill nobody: the control, in which nothing may be lost")
    parser.add_argument("--folder", type=Path, help="where the servers keep their data meanwhile")
    parser.add_argument("--results", type=Path, default=ROOT / "build/durability/results.json",
                        help="kept there, and added to (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help="the tables into docs/durability.md")
    return parser.parse_args()


def run_one(name: str, situation: str, size: Size, parent: Path | None) -> dict[str, object]:
    folder = Path(tempfile.mkdtemp(prefix="durability-", dir=parent))
    one = catalogue.make(name, folder / "server", Setup())
    counts = Campaign(one, SITUATIONS[situation], size).run()
    shutil.rmtree(folder)  # after a failure it stays, to be looked into
    return {"server": name, "version": one.version(), "size": asdict(size), **counts}


def main() -> int:
    chosen = options()
    size = Size(chosen.pairs, chosen.kills, chosen.round, chosen.spare, chosen.seed,
                chosen.syncs)
    results: report.Results = {}
    if chosen.results.exists():
        results = json.loads(chosen.results.read_text())
    chosen.results.parent.mkdir(parents=True, exist_ok=True)
    failed = False
    for situation in chosen.situations.split(","):
        for name in chosen.servers.split(","):
            if not catalogue.is_installed(name):
                print(f"{name}: not installed, left out", file=sys.stderr)
                continue
            print(f"{name}, {situation} ...", file=sys.stderr, flush=True)
            try:
                results[f"{name} {situation}"] = run_one(name, situation, size, chosen.folder)
            except Unfinished as why:
                print(f"unfinished: {why}", file=sys.stderr)
                failed = True
            chosen.results.write_text(json.dumps(results, indent=1))
    order = [f"{n} {s}" for s in SITUATIONS for n in SERVERS]
    results = {key: results[key] for key in order if key in results}
    print(report.text(results))
    if chosen.write:
        report.write_into(ROOT / "docs/durability.md", results)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
