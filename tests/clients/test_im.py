"""What users of a modern client take for granted, as slixmpp does it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from clients.slixmpp_im import ImClient, bodies, online, soon
from harness.node import Account, Node
from harness.waiting import TIMEOUT_S
from slixmpp.exceptions import IqError

Register = Callable[..., Account]


def test_sent_stanzas_are_acknowledged(node: Node, new_account: Register) -> None:
    alice, bob = new_account("alice"), new_account("bob")

    async def main() -> None:
        async with online(node, alice) as a, online(node, bob) as b:
            a.say(bob.jid, "one")
            assert await bodies(b.messages, 1) == ["one"]
            a["xep_0198"].request_ack()
            while (await soon(a.acknowledged))["body"] != "one":
                pass

    asyncio.run(main())


def test_a_lost_connection_is_resumed_and_nobody_notices(
        node: Node, new_account: Register) -> None:
    alice, bob = new_account("alice"), new_account("bob")

    async def main() -> None:
        async with online(node, alice) as a, online(node, bob) as b:
            await subscribe(a, b)
            await b.lose_connection()
            for number in range(20):
                a.say(bob.jid, f"{number}")
            await b.resume()
            assert await bodies(b.messages, 20) == [f"{n}" for n in range(20)]
            b.say(alice.jid, "thanks")
            assert await bodies(a.messages, 1) == ["thanks"]
            await a.nothing_more(a.presences)
            await b.nothing_more(b.messages)

    asyncio.run(main())


def test_what_was_sent_into_the_void_is_sent_again_on_resumption(
        node: Node, new_account: Register) -> None:
    alice, bob = new_account("alice"), new_account("bob")

    async def main() -> None:
        async with online(node, alice) as a, online(node, bob) as b:
            for number in range(10):
                a.say(bob.jid, f"{number}")
            await a.lose_connection()
            await a.resume()
            a.say(bob.jid, "last")
            assert await bodies(b.messages, 11) == [*(f"{n}" for n in range(10)), "last"]

    asyncio.run(main())


def test_messages_wait_for_who_is_offline(node: Node, new_account: Register) -> None:
    alice, bob = new_account("alice"), new_account("bob")

    async def main() -> None:
        async with online(node, alice) as a:
            for number in range(15):
                a.say(bob.jid, f"{number}")
            await a.nothing_more(a.messages)
        async with online(node, bob) as b:
            got = [await soon(b.messages) for _ in range(15)]
            assert [m["body"] for m in got] == [f"{n}" for n in range(15)]
            stamps = [m["delay"]["stamp"] for m in got]
            assert None not in stamps
            assert stamps == sorted(stamps)
        async with online(node, bob, "two") as b:
            await b.nothing_more(b.messages)

    asyncio.run(main())


def test_offline_messages_want_presence(node: Node, new_account: Register) -> None:
    """A client that only fetches its roster is not given them (XEP-0160, section 3)."""
    alice, bob = new_account("alice"), new_account("bob")

    async def main() -> None:
        async with online(node, alice) as a:
            a.say(bob.jid, "hello")
            await a.nothing_more(a.messages)
        async with online(node, bob, available=False) as b:
            await b.nothing_more(b.messages)
            await b.become_available()
            assert await bodies(b.messages, 1) == ["hello"]

    asyncio.run(main())


async def archived(client: ImClient, **query: Any) -> list[tuple[str, str]]:
    """(archive id, body) of each message that the query finds, page after page."""
    return [(m["mam_result"]["id"], m["mam_result"]["forwarded"]["stanza"]["body"])
            async for m in client["xep_0313"].iterate(**query)]


def test_archive_is_paged_forth_and_back(node: Node, new_account: Register) -> None:
    alice, bob = new_account("alice"), new_account("bob")
    said = [f"{n}" for n in range(25)]

    async def main() -> None:
        async with online(node, alice) as a, online(node, bob) as b:
            for body in said:
                a.say(bob.jid, body)
            got = [await soon(b.messages) for _ in said]
            for client in (a, b):
                for size in (1, 10, 25, 50):
                    page = {"max": size}
                    found = await archived(client, rsm=page)
                    assert [body for _, body in found] == said
                    assert await archived(client, reverse=True, rsm=page) == found[::-1]
            # What came live names its place in the archive (XEP-0359).
            ids = [m["stanza_id"]["id"] for m in got]
            assert ids == [i for i, _ in await archived(b)]
            after = {"after": ids[19], "max": 10}
            page = await b["xep_0313"].retrieve(rsm=after)
            results = page["mam"]["results"]
            assert [m["mam_result"]["id"] for m in results] == ids[20:]
            assert page["mam_fin"].xml.get("complete") == "true"

    asyncio.run(main())


def test_archive_is_searched_by_contact_and_time(node: Node, new_account: Register) -> None:
    alice, bob, carol = (new_account(n) for n in ("alice", "bob", "carol"))

    async def main() -> None:
        async with online(node, alice) as a, online(node, bob) as b, online(node, carol) as c:
            a.say(bob.jid, "to bob")
            await soon(b.messages)
            b.say(alice.jid, "from bob")
            await soon(a.messages)
            a.say(carol.jid, "to carol")
            await soon(c.messages)
            with_bob = await archived(a, with_jid=bob.jid)
            assert [body for _, body in with_bob] == ["to bob", "from bob"]
            with_carol = await archived(a, with_jid=carol.jid)
            assert [body for _, body in with_carol] == ["to carol"]
            every = [m async for m in a["xep_0313"].iterate()]
            stamps = [m["mam_result"]["forwarded"]["delay"]["stamp"] for m in every]
            later = await archived(a, start=stamps[-1])
            assert "to carol" in [body for _, body in later]
            assert not await archived(a, end=stamps[0].replace(year=2001))

    asyncio.run(main())


def test_unknown_place_in_the_archive_is_told(node: Node, new_account: Register) -> None:
    alice = new_account("alice")

    async def main() -> None:
        async with online(node, alice) as a:
            nowhere = {"after": "no-such-id", "max": 10}
            with pytest.raises(IqError) as refused:
                await a["xep_0313"].retrieve(rsm=nowhere)
            assert refused.value.condition == "item-not-found"

    asyncio.run(main())


def test_archive_preferences_are_obeyed(node: Node, new_account: Register) -> None:
    alice, bob, carol = (new_account(n) for n in ("alice", "bob", "carol"))

    async def main() -> None:
        async with online(node, alice) as a, online(node, bob) as b, online(node, carol) as c:
            prefs = a["xep_0441"]
            await prefs.set_preferences("never", [carol.jid], [bob.jid])
            default, always, never = await prefs.get_preferences()
            assert (default, always, never) == ("never", {carol.jid}, {bob.jid})
            for client in (b, c):
                client.say(alice.jid, f"from {client.boundjid.user}")
                await soon(a.messages)
            assert [body for _, body in await archived(a)] == [f"from {carol.user}"]
            assert [body for _, body in await archived(b)] == [f"from {bob.user}"]

    asyncio.run(main())


def test_carbons_keep_other_devices_up_to_date(node: Node, new_account: Register) -> None:
    alice, bob = new_account("alice"), new_account("bob")

    async def main() -> None:
        async with (online(node, alice, "phone") as phone, online(node, alice, "desk") as desk,
                    online(node, bob) as b):
            await desk["xep_0280"].enable()
            b.say(phone.boundjid.full, "to the phone")
            assert await bodies(phone.messages, 1) == ["to the phone"]
            copy = (await soon(desk.received_carbons))["carbon_received"]
            assert (copy["from"], copy["body"]) == (b.boundjid, "to the phone")
            phone.say(bob.jid, "from the phone")
            assert await bodies(b.messages, 1) == ["from the phone"]
            copy = (await soon(desk.sent_carbons))["carbon_sent"]
            assert (copy["to"], copy["body"]) == (bob.jid, "from the phone")

            await desk["xep_0280"].disable()
            b.say(phone.boundjid.full, "for the phone only")
            assert await bodies(phone.messages, 1) == ["for the phone only"]
            await desk.nothing_more(desk.received_carbons)
            await phone.nothing_more(phone.sent_carbons)

    asyncio.run(main())


def test_the_blocked_are_not_heard(node: Node, new_account: Register) -> None:
    alice, bob = new_account("alice"), new_account("bob")

    async def main() -> None:
        async with (online(node, alice) as a, online(node, alice, "two") as other,
                    online(node, bob) as b):
            for client in (a, other):  # who asked is told of changes
                await client["xep_0191"].get_blocked()
            await a["xep_0191"].block(bob.jid)
            assert (await soon(other.blocked))["block"]["items"] == {bob.jid}
            items = (await a["xep_0191"].get_blocked())["blocklist"]["items"]
            assert items == {bob.jid}
            b.say(alice.jid, "psst")
            assert (await soon(b.errors))["error"]["condition"] == "service-unavailable"
            await a.nothing_more(a.messages)

            await a["xep_0191"].unblock(bob.jid)
            assert (await soon(other.unblocked))["unblock"]["items"] == {bob.jid}
            b.say(alice.jid, "sorry")
            assert await bodies(a.messages, 1) == ["sorry"]
            assert "psst" not in [body for _, body in await archived(a)]

    asyncio.run(main())


async def subscribe(one: ImClient, other: ImClient) -> None:
    """Each sees the other's presence; slixmpp grants and asks back by itself."""
    one.send_presence_subscription(pto=other.boundjid.bare)
    for watcher, watched in ((one, other), (other, one)):
        while True:
            presence = await soon(watcher.presences)
            if (presence["from"], presence["type"]) == (watched.boundjid, "available"):
                break
    for client in (one, other):
        await client["xep_0199"].send_ping(client.boundjid.host, timeout=TIMEOUT_S)
        while not client.presences.empty():
            client.presences.get_nowait()


def test_inactive_client_misses_nothing_that_matters(node: Node, new_account: Register) -> None:
    """The server may hold presence back; messages come, and then the latest presence does."""
    alice, bob = new_account("alice"), new_account("bob")

    async def main() -> None:
        async with online(node, alice) as a, online(node, bob) as b:
            await subscribe(a, b)
            assert b["xep_0352"].enabled
            b["xep_0352"].send_inactive()
            for show in ("away", "dnd", "xa"):
                a.send_presence(pshow=show)
            a.say(bob.jid, "wake up")
            assert await bodies(b.messages, 1) == ["wake up"]
            b["xep_0352"].send_active()
            while (await soon(b.presences))["show"] != "xa":
                pass
            await b.nothing_more(b.presences)

    asyncio.run(main())
