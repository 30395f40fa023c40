"""`./x demo --fast`: the group grows and shrinks with its load, and nobody notices."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.node import ROOT, build_folder

_LOAD = build_folder() / "bench/load"
_LONGEST_S = 400


@pytest.mark.alone
@pytest.mark.skipif(not (_LOAD / "load").exists(), reason="what makes the load is not built")
def test_a_group_follows_its_load(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, str(ROOT / "tools/demo/run.py"), "--fast", "--folder", str(tmp_path)],
        env=os.environ | {"LOAD_BUILD": str(_LOAD)}, capture_output=True, text=True,
        timeout=_LONGEST_S, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
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
