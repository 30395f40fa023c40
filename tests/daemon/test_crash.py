"""A node that is killed: what its users' contacts hear, and what its clients have to send again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from daemon.sessions import registered, run, session, unconnected
from daemon.test_parking import bodies, managed, presences, say
from dialogues.language.contacts import make_contacts
from harness.cluster import Cluster
from harness.node import Account, Node
from harness.xmpp.client import Client
from harness.xmpp.items import CLIENT

_QUICK = {"renew": "1 second", "suspect": "2 seconds", "fence": "3 seconds", "dead": "5 seconds"}
_SM = "urn:xmpp:sm:3"
_MAM = "urn:xmpp:mam:2"


async def acknowledged(client: Client) -> int:
    """What the server says that it has dealt with."""
    client.write(f"<r xmlns='{_SM}'/>")
    answer = await client.find(lambda e: e.tag == f"{{{_SM}}}a")
    return int(answer.attrib["h"])


async def failed(node: Node, account: Account, previous: str,
                 resource: str = "here") -> tuple[Client, int | None]:
    """A client that could not resume and has bound anew, and the h that it was told."""
    client = unconnected(node, account, resource)
    await client.negotiate_tls(node.address())
    await client.authenticate()
    client.write(f"<resume xmlns='{_SM}' previd='{previous}' h='0'/>")
    answer = await client.expect(f"{{{_SM}}}failed")
    await client.bind()
    h = answer.get("h")
    return client, None if h is None else int(h)


async def archive(client: Client) -> list[str]:
    """The bodies of all messages there."""
    answer = await client.ask(f"<iq type='set' id='%s'><query xmlns='{_MAM}'>"
                              "<set xmlns='http://jabber.org/protocol/rsm'><max>200</max></set>"
                              "</query></iq>")
    assert answer.get("type") == "result"
    found = []
    while True:
        try:
            result = await asyncio.wait_for(
                client.find(lambda e: e.find(f"{{{_MAM}}}result") is not None), 0.3)
        except TimeoutError:
            break
        found += [body.text or "" for body in result.iter(f"{{{CLIENT}}}body")]
    assert "xmlns:sm" not in str(client.transcript)
    return found


def message(to: str, text: str) -> str:
    return f"<message to='{to}' type='chat' id='{text}'><body>{text}</body></message>"


def killed_between(node: Node, before: Callable[..., object], after: Callable[..., object]) -> None:
    run(before)
    node.kill()
    node.start()
    run(after)


def test_messages_are_not_sent_again(fresh_node: Node) -> None:
    """Those that were archived are counted, whether they were acknowledged or not."""
    node = fresh_node
    node.start()
    alice, bob = registered(node, "alice"), registered(node, "bob")
    previous, last = "", 0

    async def before() -> None:
        nonlocal previous, last
        client, previous = await managed(node, alice)
        friend, _ = await managed(node, bob)
        for n in range(3):
            client.write(message(bob.jid, f"m{n}"))
        last = await acknowledged(client)
        assert last == 5  # with presence and a ping
        for n in range(3, 6):
            client.write(message(bob.jid, f"m{n}"))
        await client.ping(client.host)  # not acknowledged
        assert await bodies(friend, 6) == [f"m{n}" for n in range(6)]
        assert await archive(client) == [f"m{n}" for n in range(6)]

    async def after() -> None:
        client, h = await failed(node, alice, previous)
        assert h == 8 >= last
        for n in range(h - 2, 8):
            client.write(message(bob.jid, f"m{n}"))
        await client.ping(client.host)
        assert await archive(client) == [f"m{n}" for n in range(8)]
        assert await archive(await session(node, bob)) == [f"m{n}" for n in range(8)]
        _, again = await failed(node, alice, previous, "there")
        assert again is None

    killed_between(node, before, after)


def test_what_is_no_message_is_counted_as_far_as_acknowledged(fresh_node: Node) -> None:
    node = fresh_node
    node.start()
    alice, bob = registered(node, "alice"), registered(node, "bob")
    phone, laptop, last = "", "", 0

    async def before() -> None:
        nonlocal phone, laptop, last
        one, phone = await managed(node, alice, "phone")
        two, laptop = await managed(node, alice, "laptop")
        assert await acknowledged(one) == 2
        for n in range(4):
            one.write(f"<message to='{bob.jid}' type='chat'>"
                      "<composing xmlns='http://jabber.org/protocol/chatstates'/></message>")
            one.write(message(bob.jid, f"phone{n}"))
            two.write(message(bob.jid, f"laptop{n}"))
        await two.ping(two.host)
        await one.ping(one.host)
        last = await acknowledged(one)
        assert last == 11
        await one.ping(one.host)
        one.write(message(bob.jid, "behind a gap, perhaps"))
        await one.ping(one.host)
        # That is in the archive before what comes later is acknowledged.
        three, _ = await managed(node, alice, "tablet")
        three.write(message(bob.jid, "later"))
        await acknowledged(three)

    async def after() -> None:
        _, h = await failed(node, alice, phone, "phone")
        assert h == 13, last
        # Nothing was acknowledged ever, so nothing is known.
        _, h = await failed(node, alice, laptop, "laptop")
        assert h is None

    killed_between(node, before, after)


@pytest.mark.parametrize("closed", [False, True], ids=["unknown", "ended"])
def test_nothing_is_told_of_what_is_not_known(fresh_node: Node, closed: bool) -> None:
    node = fresh_node
    node.start()
    alice = registered(node, "alice")
    previous = "abcdefghijklmnopqrstuvwxyz"

    async def before() -> None:
        nonlocal previous
        client, known = await managed(node, alice)
        assert await acknowledged(client) == 2
        if closed:
            previous = known
            client.write("</stream:stream>")
            await asyncio.sleep(0.3)

    async def after() -> None:
        _, h = await failed(node, alice, previous)
        assert h is None

    killed_between(node, before, after)


@pytest.mark.parametrize("visits", [False, True], ids=["at-home", "visitor"])
def test_another_node_tells(stopped_pair: Cluster, visits: bool) -> None:
    """A session that was connected to the node that died, whether its home was there or not."""
    for node in stopped_pair:
        node.config["cluster"] |= _QUICK
    stopped_pair.start()
    dying, staying = stopped_pair
    alice, bob = registered(staying, "alice"), registered(staying, "bob")

    async def main() -> None:
        friend, _ = await managed(staying, bob)
        if visits:
            await session(staying, alice, "first")
        client, previous = await managed(dying, alice)
        for n in range(3):
            client.write(message(bob.jid, f"m{n}"))
        last = await acknowledged(client)
        assert last == 5
        client.write(message(bob.jid, "m3"))
        assert await bodies(friend, 4) == [f"m{n}" for n in range(4)]
        await client.ping(client.host)
        dying.kill()
        back, h = await failed(staying, alice, previous)
        assert h == (5 if visits else 6)
        for n in range(h - 2, 4):
            back.write(message(bob.jid, f"m{n}"))
        await back.ping(back.host)
        for one in (back, friend):
            assert sorted(set(await archive(one))) == [f"m{n}" for n in range(4)]
        if not visits:
            assert len(await archive(friend)) == 4

    run(main)


def test_a_home_dies_and_its_visitor_is_told_elsewhere(stopped_pair: Cluster) -> None:
    for node in stopped_pair:
        node.config["cluster"] |= _QUICK
    third = stopped_pair.add()
    third.config["cluster"] |= _QUICK
    stopped_pair.start()
    dying, visited, _ = stopped_pair
    alice = registered(visited, "alice")

    async def main() -> None:
        await session(dying, alice, "first")
        client, previous = await managed(visited, alice)
        last = await acknowledged(client)
        assert last == 2
        dying.kill()
        await client.find(lambda e: e.tag.endswith("}error") and "etherx" in e.tag)
        _, h = await failed(third, alice, previous)
        assert h == 2

    run(main)


def test_contacts_hear_who_died_with_a_node(stopped_pair: Cluster) -> None:
    """Of two of its users one comes back in time."""
    for node in stopped_pair:
        node.config["cluster"] |= _QUICK
    stopped_pair.start()
    dying, staying = stopped_pair
    alice, bob, carol = (registered(staying, user) for user in ("alice", "bob", "carol"))

    async def main() -> None:
        await make_contacts([(alice, dying), (carol, staying)])
        await make_contacts([(bob, dying), (carol, staying)])
        stays_away, comes_back = await session(dying, alice), await session(dying, bob)
        friend = await session(staying, carol)
        friend.write("<presence/>")
        for client in (stays_away, comes_back):
            client.write("<presence/>")
            await friend.find(lambda e, jid=client.jid: e.get("from") == jid)
        await comes_back.ping(comes_back.host)
        dying.kill()
        back = await session(staying, bob)  # the same resource
        back.write("<presence/>")
        await friend.find(lambda e: e.get("from") == back.jid)
        gone = await friend.find(lambda e: e.get("type") == "unavailable")
        assert gone.get("from") == stays_away.jid
        assert "unavailable" not in [kind for _, kind in await presences(friend)]
        # Who looks later does not see him either.
        late = await session(staying, carol, "late")
        late.write("<presence/>")
        seen = dict(await presences(late))
        assert stays_away.jid not in seen and back.jid in seen

    run(main)
