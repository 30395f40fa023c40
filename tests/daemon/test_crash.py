"""A node of a cluster that is killed: its users' contacts hear it once, and only if it is true."""

from __future__ import annotations

import asyncio

from daemon.sessions import registered, run, session
from daemon.test_parking import presences
from dialogues.language.contacts import make_contacts
from harness.cluster import Cluster

_QUICK = {"renew": "1 second", "suspect": "2 seconds", "fence": "3 seconds", "dead": "5 seconds"}


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
