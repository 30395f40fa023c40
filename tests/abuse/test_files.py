"""Out of file descriptors: accepting pauses, and goes on; what is there keeps working."""

from __future__ import annotations

import resource

from abuse.attacker import Attacker
from abuse.chat import Chat
from abuse.watch import Watch
from harness.node import Node

CROWD = 150


def test_out_of_file_descriptors(fresh_node: Node) -> None:
    fresh_node.start()
    chat = Chat(fresh_node, pairs=1)
    chat.start()
    watch = Watch(fresh_node, chat)
    limit = watch.descriptors() + 100  # of which 64 are reserved
    resource.prlimit(fresh_node.pid, resource.RLIMIT_NOFILE, (limit, limit))
    crowd = [Attacker(fresh_node.address("direct")) for _ in range(CROWD)]
    watch.until(lambda: watch.events("accepting_paused"), "accepting did not pause")
    chat.progress()
    assert fresh_node.ctl("connected_users_number") == 2
    assert watch.descriptors() < limit
    for attacker in crowd:
        attacker.reset()
    watch.until(lambda: watch.events("accepting_resumed"), "accepting did not go on")
    watch.connections_gone()
    late = Attacker(fresh_node.address("direct"))
    late.wrap(fresh_node.hosts[0])
    late.reset()
    for event in ("accepting_paused", "accepting_resumed"):
        assert len(watch.events(event)) <= 2 * len(fresh_node.config["listen"])  # one a worker
    chat.stop()
