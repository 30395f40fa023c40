"""`./x demo --fast`: the group grows and shrinks with its load, and nobody notices."""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.node import ROOT, build_folder

_LOAD = build_folder() / "bench/load"
_LONGEST_S = 400
_CLEARED = "\x1b[H\x1b[2J"  # before each screen
_NODE = re.compile(r"^  i-\w+ .*[█░]{30} +\d+ sessions +\d+ %", re.MULTILINE)


def run_in_terminal(*command: str) -> tuple[int, str]:
    """What becomes of it, and all that it shows."""
    ours, theirs = os.openpty()
    shown = b""
    deadline = time.monotonic() + _LONGEST_S
    with subprocess.Popen(command, env=os.environ | {"LOAD_BUILD": str(_LOAD)},
                          stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        while select.select([ours], [], [], max(0.0, deadline - time.monotonic()))[0]:
            try:
                shown += os.read(ours, 65536)
            except OSError:  # nobody has the other end any more
                break
        else:
            process.terminate()
        os.close(ours)
    return process.returncode, shown.decode()


@pytest.mark.alone
@pytest.mark.skipif(not (_LOAD / "load").exists(), reason="what makes the load is not built")
def test_a_group_follows_its_load(tmp_path: Path) -> None:
    code, shown = run_in_terminal(sys.executable, str(ROOT / "tools/demo/run.py"), "--fast",
                                  "--folder", str(tmp_path))
    assert code == 0, shown[-5_000:]
    screens = shown.split(_CLEARED)[1:]
    assert max(len(_NODE.findall(screen)) for screen in screens) >= 3
    assert "acknowledged and lost: 0  sessions dropped: 0" in screens[-1]
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["nodes_at_first"] == 1
    assert report["nodes_at_most"] >= 3
    assert report["nodes_at_the_end"] == 1
    assert report["acknowledged"] > 1_000
    assert report["moved"] > 100, "nobody had to go on elsewhere: this shows nothing"
    for what in ("lost", "dropped", "twice_in_a_session", "came_twice_unexplained"):
        assert report[what] == 0, what
    left = {node["instance"] for node in report["nodes"] if node["leave_s"] is not None}
    assert len(left) == len(report["nodes"]) - 1
    assert report["farewells"] == dict.fromkeys(left, 1), "the group was not told, or not once"
    assert len(report["rows"]) == 1 and left.isdisjoint(report["rows"])
    assert (tmp_path / "report.svg").read_text().startswith("<svg")
    assert "report.svg" in (tmp_path / "report.md").read_text()
