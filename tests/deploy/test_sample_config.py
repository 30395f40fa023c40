"""deploy/starling.yml, the configuration that operators begin with."""

from __future__ import annotations

import subprocess
from pathlib import Path

from harness.authority import Authority
from harness.node import ROOT, Node, build_folder
from harness.waiting import TIMEOUT_S

SAMPLE = ROOT / "deploy/starling.yml"


def test_sample_passes_its_check() -> None:
    done = subprocess.run(
        [str(build_folder() / "starlingd"), "--config", str(SAMPLE), "--check-config"],
        capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr


def test_node_starts_with_the_sample(tmp_path: Path, authority: Authority) -> None:
    """All of it, but for the folders and ports of this machine."""
    text = SAMPLE.read_text()
    for here, there in (("/var/lib/starling", str(tmp_path / "data")),
                        ("/run/starling/ctl.sock", str(tmp_path / "ctl.sock")),
                        ("- port: 5222 ", "- port: 0\n    ip: 127.0.0.1 "),
                        ("- port: 5223 ", "- port: 0\n    ip: 127.0.0.1 ")):
        assert here in text
        text = text.replace(here, there)

    class Sample(Node):
        def write_config(self) -> Path:
            path = self.folder / "starling.yml"
            path.write_text(text + "log_format: json\n")
            return path

    node = Sample(tmp_path / "node", authority, ["example.org"])
    node.socket = tmp_path / "ctl.sock"
    node.start()
    assert node.ctl("status")["hosts"] == ["example.org"]
    node.stop()
