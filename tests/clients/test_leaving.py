"""Clients that know stream management and connect again by themselves: their node leaves, and they
go on at another. Behind a load balancer, as in the field."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import HOSTS

from clients.driver import ChatClient, Kind
from daemon.sessions import registered, run, session
from daemon.test_parking import presences
from dialogues.language.contacts import make_contacts
from harness.authority import Authority
from harness.balancer import Balancer
from harness.cluster import Cluster
from harness.node import Address, Node
from harness.postgres import Postgres


@pytest.fixture
def pair(tmp_path: Path, authority: Authority, postgres: Postgres) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path, authority, HOSTS, postgres.new_database(), 2)
    for node in cluster:
        node.serve_http()
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.mark.parametrize(("name", "transport", "door"),
                         [("slixmpp", "starttls", Node.address),
                          ("xmppjs", "starttls", Node.address),
                          ("xmppjs", "ws", Node.http_address)])
def test_its_node_leaves_and_it_goes_on(name: str, transport: str, door: Callable[[Node], Address],
                                        kinds: dict[str, Kind], pair: Cluster,
                                        tmp_path: Path) -> None:
    leaving, staying = pair
    alice, bob = registered(staying, "alice"), registered(staying, "bob")
    balancer = Balancer(pair, door)

    async def main() -> None:
        await make_contacts([(alice, staying), (bob, staying)])
        friend = await session(staying, bob)
        friend.write("<presence/>")
        numbers = itertools.count()
        with ChatClient(kinds[name], alice, balancer.address, transport, leaving.ca_file,
                        tmp_path / f"{name}.log", "stay") as client:
            await asyncio.to_thread(client.expect, "online")
            await friend.find(lambda e: e.get("from") == client.jid)

            async def talk(count: int) -> None:
                for number in itertools.islice(numbers, count):
                    friend.write(f"<message to='{client.jid}' type='chat'>"
                                 f"<body>{number}</body></message>")
                    await asyncio.sleep(0.02)

            await talk(10)
            stopped = asyncio.create_task(asyncio.to_thread(leaving.stop))
            await talk(100)
            await stopped
            await asyncio.to_thread(
                staying.log.wait, "session_claimed", lambda e: e.get("jid") == client.jid)
            await talk(10)
            for number in range(next(numbers)):
                event = await asyncio.to_thread(client.expect, "message", friend.jid)
                assert event[2] == str(number), "in order, each once, none lost"
            client.tell("message", friend.jid, "still here")
            await friend.find(lambda e: "still here" in "".join(e.itertext()))
            kinds_seen = [kind for sender, kind in await presences(friend)
                          if sender == client.jid]
            assert "unavailable" not in kinds_seen
            await asyncio.to_thread(client.quit)

    try:
        run(main)
    finally:
        balancer.close()
