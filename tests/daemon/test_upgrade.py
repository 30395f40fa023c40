"""A cluster is upgraded one node after the other, while people chat.

`starlingd_before` is built from the same sources, but for what it speaks on the bus: the format of
the version before (src/cluster/frames.h).
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from conftest import HOSTS
from dialogues.language import player, script
from harness.authority import Authority
from harness.cluster import Cluster
from harness.postgres import Postgres
from harness.waiting import eventually

_DIALOGUES = Path(__file__).resolve().parents[1] / "dialogues"
# What crosses between nodes: messages, presence, a second device, resumption elsewhere.
_NAMES = ["rfc6121_presence_broadcast", "rfc6121_message_order", "xep_0280_carbons",
          "xep_0198_resume_elsewhere"]


def _talk(cluster: Cluster) -> None:
    for name in _NAMES:
        dialogue = script.load(_DIALOGUES / f"{name}.xmpp")
        failure = asyncio.run(player.play(dialogue, cluster.nodes))
        assert failure is None, failure


def _told(cluster: Cluster, what: str) -> list[object]:
    """What each node says of itself, as the first one hears it."""
    return [node[what] for node in cluster[0].ctl("list_cluster")]


def test_two_versions_work_together_until_all_are_new(
        tmp_path: Path, authority: Authority, postgres: Postgres) -> None:
    cluster = Cluster(tmp_path, authority, HOSTS, postgres.new_database())
    for node in cluster:
        node.program = "starlingd_before"
    cluster.start()
    try:
        for number, node in enumerate(cluster, 1):
            node.stop()
            node.program = "starlingd"
            node.start()
            eventually(lambda: len(cluster[0].ctl("list_cluster")) == 3)
            if number < 3:
                assert "unknown" in _told(cluster, "memory")  # the newer format tells
            _talk(cluster)
        eventually(lambda: "unknown" not in _told(cluster, "memory"))
        # Nobody of the older version could be given it.
        eventually(lambda: sorted(sum(_told(cluster, "leases"), []))
                   == ["api-housekeeping", "archive-retention", "load-history"])
    finally:
        cluster.stop()
