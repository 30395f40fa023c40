"""What the server has acknowledged (XEP-0198) is never lost, whenever SIGKILL comes.

The short form of the campaign that docs/durability.md describes.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.campaigns import assert_nothing_lost
from durability.campaign import Campaign, Situation, Size
from durability.client import Pace
from servers.base import Setup
from servers.starling import Starling

SIZE = Size(pairs=25, kills=5, round_s=1.0)
SITUATIONS = [Situation("online", Pace(window=20, rate=20.0), drops=True),
              Situation("saturated", Pace(window=10)),
              Situation("offline", Pace(window=20, rate=20.0), receivers_online=False)]


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda s: s.name)
def test_nothing_acknowledged_is_lost(situation: Situation, tmp_path: Path) -> None:
    counts = Campaign(Starling(tmp_path / "node", Setup()), situation, SIZE).run()
    assert counts["kills"] >= SIZE.kills
    assert_nothing_lost(counts)
    assert not counts["faults"]


def test_nothing_is_doubled_without_a_kill(tmp_path: Path) -> None:
    """Clients lose their connections and resume; nobody sees that."""
    size = Size(pairs=25, kills=3, round_s=1.0, spare=True)
    counts = Campaign(Starling(tmp_path / "node", Setup()), SITUATIONS[0], size).run()
    assert counts["resumed"] > 0
    assert not counts["faults"]
    for what in ("not_received", "not_in_archive", "received_twice", "archived_twice", "disorder"):
        assert counts[what] == 0, (what, counts)
