"""Nodes that use a NATS server which is there already (`cluster.bus`)."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.sessions import registered, run, session
from daemon.test_parking import bodies, say
from harness.cluster import Cluster
from harness.node import Node
from harness.ports import free_port
from harness.waiting import TIMEOUT_S, eventually


class NatsServer:
    """On loopback, for whoever knows the password."""

    def __init__(self, folder: Path) -> None:
        self._port = free_port()
        self._config = folder / "nats.conf"
        self._config.write_text(
            f'listen: "127.0.0.1:{self._port}"\n'
            'authorization { user: starling, password: secret }\n')
        self.url = f"nats://starling:secret@127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            ["nats-server", "-c", str(self._config)], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=(self._config.parent / "nats.log").open("ab"))

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(TIMEOUT_S)
            self._process = None


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path)
    server.start()
    yield server
    server.stop()


def _children(node: Node) -> str:
    return Path(f"/proc/{node.pid}/task/{node.pid}/children").read_text()


def test_nodes_meet_on_a_bus_that_is_there(stopped_pair: Cluster, nats: NatsServer) -> None:
    """And on the same after it was away."""
    one, other = stopped_pair
    for node in stopped_pair:
        node.config["cluster"]["bus"] = nats.url
    stopped_pair.start()
    for node in stopped_pair:
        eventually(lambda node=node: [n["state"] for n in node.ctl("list_cluster")] == ["up"] * 2)
        assert _children(node) == ""
    alice, bob = registered(one, "alice"), registered(one, "bob")

    async def main() -> None:
        here, there = await session(one, alice), await session(other, bob)
        there.write("<presence/>")
        await there.ping(there.host)
        say(here, there.jid, "before")
        assert await bodies(there, 1) == ["before"]
        await asyncio.to_thread(nats.stop)
        one.log.wait("cluster_node_unreachable")
        say(here, there.jid, "meanwhile")
        await asyncio.to_thread(nats.start)
        assert await bodies(there, 1) == ["meanwhile"]

    run(main)
