"""A node that stops parks the sessions that can be resumed; whoever is there next takes them."""

from __future__ import annotations

import asyncio

import pytest

from daemon.sessions import registered, run, session, unconnected
from dialogues.language.contacts import make_contacts
from harness.cluster import Cluster
from harness.node import Account, Node
from harness.xmpp.client import Client
from harness.xmpp.items import CLIENT, Received

_SM = "urn:xmpp:sm:3"


async def managed(node: Node, account: Account, resource: str = "here") -> tuple[Client, str]:
    """A client that is available, whose session can be resumed, and by what."""
    client = await session(node, account, resource)
    client.write(f"<enable xmlns='{_SM}' resume='true'/>")
    enabled = await client.expect(f"{{{_SM}}}enabled")
    client.write("<presence><status>as before</status></presence>")
    await client.ping(client.host)
    return client, enabled.attrib["id"]


async def resuming(node: Node, account: Account, previous: str, h: int) -> Client:
    """A client that waits for the answer."""
    client = unconnected(node, account)
    await client.negotiate_tls(node.address())
    await client.authenticate()
    client.write(f"<resume xmlns='{_SM}' previd='{previous}' h='{h}'/>")
    return client


async def resumed(node: Node, account: Account, previous: str, h: int) -> Client:
    client = await resuming(node, account, previous, h)
    answer = await client.find(lambda e: e.tag in (f"{{{_SM}}}resumed", f"{{{_SM}}}failed"))
    assert answer.tag == f"{{{_SM}}}resumed", client.transcript
    return client


async def bodies(client: Client, count: int) -> list[str]:
    """Of the next messages, which come in this order."""
    found = []
    for _ in range(count):
        message = await client.find(lambda e: e.tag == f"{{{CLIENT}}}message")
        found.append(message.findtext(f"{{{CLIENT}}}body", ""))
    return found


async def presences(client: Client) -> list[tuple[str, str | None]]:
    """That have come by now."""
    await client.ping(client.host)
    return [(e.element.get("from", ""), e.element.get("type"))
            for e in client.connection.waiting_items()
            if isinstance(e, Received) and e.element.tag == f"{{{CLIENT}}}presence"]


def say(client: Client, to: str, text: str) -> None:
    client.write(f"<message to='{to}' type='chat'><body>{text}</body></message>")


def test_a_session_outlives_a_restart(fresh_node: Node) -> None:
    """What was not acknowledged, and what came meanwhile, is there, in order and once."""
    node = fresh_node
    node.start()
    alice, bob = registered(node, "alice"), registered(node, "bob")

    async def before() -> str:
        away, previous = await managed(node, alice)
        friend = await session(node, bob)
        for text in ("one", "two"):
            say(friend, away.jid, text)
        assert await bodies(away, 2) == ["one", "two"]
        await friend.ping(friend.host)
        await asyncio.to_thread(node.stop)
        return previous

    async def after(previous: str) -> None:
        friend = await session(node, bob)
        say(friend, alice.jid, "three")
        await friend.ping(friend.host)
        back = await resumed(node, alice, previous, h=3)  # presence, a ping's answer, "one"
        assert await bodies(back, 2) == ["two", "three"]
        say(friend, f"{alice.jid}/here", "four")
        assert await bodies(back, 1) == ["four"]
        with pytest.raises(AssertionError):
            await resumed(node, alice, "of-nobody", h=0)

    previous = ""

    async def first() -> None:
        nonlocal previous
        previous = await before()

    run(first)
    node.start()
    run(lambda: after(previous))


@pytest.mark.parametrize("elsewhere", [False, True], ids=["same-node", "elsewhere"])
def test_a_client_that_goes_while_it_resumes_can_resume_again(pair: Cluster,
                                                              elsewhere: bool) -> None:
    """However far its first attempt has come."""
    leaving, staying = pair
    alice, bob = registered(leaving, "alice"), registered(leaving, "bob")

    async def main() -> None:
        if elsewhere:
            await session(staying, alice, "first")  # so the account is at home there
        away, previous = await managed(leaving, alice)
        friend = await session(staying, bob)
        say(friend, away.jid, "one")
        assert await bodies(away, 1) == ["one"]
        away.drop()
        for _ in range(5):
            (await resuming(staying, alice, previous, h=0)).drop()
        await asyncio.to_thread(leaving.stop)
        for _ in range(5):
            (await resuming(staying, alice, previous, h=0)).drop()
            back = await resumed(staying, alice, previous, h=0)
            assert await bodies(back, 1) == ["one"]
            back.drop()

    run(main)


@pytest.mark.parametrize("second_first", [False, True], ids=["home-leaves", "visitors-node-leaves"])
def test_a_node_leaves_and_nobody_notices(pair: Cluster, second_first: bool) -> None:
    """Whether the session's home is there, or its connection only."""
    leaving, staying = pair
    alice, bob = registered(leaving, "alice"), registered(leaving, "bob")

    async def main() -> None:
        await make_contacts([(alice, leaving), (bob, leaving)])
        if second_first:
            await session(staying, alice, "first")  # so the account is at home there
        away, previous = await managed(leaving, alice)
        friend = await session(staying, bob)
        friend.write("<presence/>")
        await friend.find(lambda e: e.get("from") == away.jid)
        say(friend, away.jid, "one")
        assert await bodies(away, 1) == ["one"]
        stopped = asyncio.create_task(asyncio.to_thread(leaving.stop))
        error = await away.find(lambda e: e.tag.endswith("}error") and "etherx" in e.tag)
        assert error[0].tag.endswith("}system-shutdown")
        say(friend, away.jid, "two")
        back = await resumed(staying, alice, previous, h=0)
        told = await bodies(back, 2)
        assert told == ["one", "two"], back.transcript
        say(back, bob.jid, "back")
        assert await bodies(friend, 1) == ["back"]
        await stopped
        assert (away.jid, "unavailable") not in await presences(friend)
        late = await session(staying, bob, "late")
        late.write("<presence/>")
        seen = await late.find(lambda e: e.get("from") == away.jid)
        assert seen.findtext(f"{{{CLIENT}}}status") == "as before"

    run(main)


def test_who_does_not_come_back_is_gone_in_time(pair: Cluster) -> None:
    leaving, staying = pair
    alice, bob = registered(leaving, "alice"), registered(leaving, "bob")

    async def main() -> None:
        await make_contacts([(alice, leaving), (bob, leaving)])
        away = await session(leaving, alice)
        away.write(f"<enable xmlns='{_SM}' resume='true' max='2'/>")
        await away.expect(f"{{{_SM}}}enabled")
        away.write("<presence/>")
        friend = await session(staying, bob)
        friend.write("<presence/>")
        await friend.find(lambda e: e.get("from") == away.jid)
        await asyncio.to_thread(leaving.stop)
        await friend.find(lambda e: e.get("from") == away.jid and e.get("type") == "unavailable")

    run(main)


def test_the_home_leaves_and_the_connection_stays(pair: Cluster) -> None:
    """The session gets a new home, and its client goes on as if nothing had happened."""
    leaving, staying = pair
    alice, bob = registered(leaving, "alice"), registered(leaving, "bob")

    async def main() -> None:
        await make_contacts([(alice, leaving), (bob, leaving)])
        await session(leaving, alice, "first")  # so the account is at home there
        away, _ = await managed(staying, alice)
        friend = await session(staying, bob)
        friend.write("<presence/>")
        await friend.find(lambda e: e.get("from") == away.jid)
        say(friend, away.jid, "one")
        assert await bodies(away, 1) == ["one"]
        where = await asyncio.to_thread(staying.ctl, "where", alice.jid)
        assert where["name"] == "n1"
        stopped = asyncio.create_task(asyncio.to_thread(leaving.stop))
        for n in range(40):  # before, while and after it leaves
            say(friend, away.jid, f"{n}")
            await asyncio.sleep(0.02)
        await stopped
        assert await bodies(away, 40) == [f"{n}" for n in range(40)]
        say(away, bob.jid, "still here")
        assert await bodies(friend, 1) == ["still here"]
        assert (away.jid, "unavailable") not in await presences(friend)
        where = await asyncio.to_thread(staying.ctl, "where", alice.jid)
        assert (where["name"], [s["resource"] for s in where["sessions"]]) == ("n2", ["here"])

    run(main)
