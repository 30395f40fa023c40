"""Clients that know stream management and connect again by themselves: their node leaves, and they
go on at another. Behind a load balancer, as in the field."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
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
from harness.node import Account, Address, Node
from harness.postgres import Postgres
from harness.web import BoshSession
from harness.xmpp.items import CLIENT, STREAM, STREAM_ERRORS


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
                          ("xmppjs", "ws", Node.http_address),
                          ("strophejs", "ws", Node.http_address)])
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


def _log_in(node: Node, account: Account) -> BoshSession:
    bosh = BoshSession(node.http_address(), account.host)
    bosh.log_in(account)
    return bosh


def test_a_bosh_session_is_told_that_its_node_leaves(pair: Cluster) -> None:
    """And goes on elsewhere, in a BOSH session of the next node: each node knows its own only.
    What its client had acknowledged comes no more, what it had not comes once; and what the client
    was told is delivered is."""
    leaving, staying = pair
    alice, bob = registered(staying, "alice"), registered(staying, "bob")
    before, friend = _log_in(leaving, alice), _log_in(staying, bob)
    jid, friend_jid = before.bind("here"), friend.bind("there")
    number = before.enable()
    before.send(f"<presence xmlns='{CLIENT}'/>")  # without it messages would wait for one
    with ThreadPoolExecutor() as beside:
        for text in range(10):
            before.say(friend_jid, str(text))
        assert before.acknowledged() == 11
        for text in range(10):
            friend.say(jid, str(text))
        assert [before.heard() for _ in range(5)] == [str(n) for n in range(5)]
        stopped = beside.submit(leaving.stop)
        (error,) = (e for e in before.read_to_end() if e.tag == f"{{{STREAM}}}error")
        assert error[0].tag == f"{{{STREAM_ERRORS}}}system-shutdown"
        assert before.terminated == "remote-stream-error"
        before.close()
        for text in range(10, 15):
            friend.say(jid, str(text))
        after = _log_in(staying, alice)
        assert after.resume(before, number).attrib["h"] == "11"
        assert [after.heard() for _ in range(10)] == [str(n) for n in range(5, 15)]
        assert [friend.heard() for _ in range(10)] == [str(n) for n in range(10)]
        stopped.result()
    after.say(friend_jid, "still here")
    assert friend.heard() == "still here"
    for session_here in (after, friend):
        session_here.end()
