"""What the server does for a message costs no more than it did.

Instructions are counted, not time, so that a busy machine makes no difference: the same program
with the same work, by callgrind. It is bench/held, whose clients are in memory, so the kernel's
part is not in it.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from harness.node import build_folder

_PROGRAM = build_folder() / "bench/held/held_sessions"

# Of an optimized build, from reading a chat message of 100 bytes to writing it to its addressee,
# and what the clients in memory do. Lower it when it falls; raise it for a reason only.
PER_MESSAGE = 15_200
_TOLERANCE = 1.08  # libraries and processors differ a little


def _executed(folder: Path, messages: int) -> int:
    run = subprocess.run(
        ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder / 'callgrind.out'}",
         _PROGRAM, "--sessions", "100", "--messages", str(messages)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=True)
    found = re.search(r"Collected : (\d+)", run.stderr)
    assert found, run.stderr
    return int(found.group(1))


@pytest.mark.skipif(not _PROGRAM.exists(), reason="only of an optimized build")
def test_a_message_costs_no_more_instructions_than_before(tmp_path: Path) -> None:
    few, many = 1_000, 6_000
    # The program sends each number twice: among the first thousand sessions, and among all.
    each = (_executed(tmp_path, many) - _executed(tmp_path, few)) / (2 * (many - few))
    assert each <= PER_MESSAGE * _TOLERANCE, f"{each:.0f} instructions a message"
