"""Near its memory budget the node refuses newcomers, then sheds who reads nothing, and lives."""

from __future__ import annotations

import asyncio
import resource
from pathlib import Path

import pytest

from daemon.sessions import registered, run, session, unconnected
from harness.node import Account, Event, Node, build_folder
from harness.waiting import eventually
from harness.xmpp.client import Client

MAX_MEMORY = 130_000_000
NON_READERS = 40  # none of them reaches its own limit of 4 MiB
BODY = "x" * 100_000


def stages(node: Node) -> list[str]:
    return [e["stage"] for e in node.log.events if e.get("event") == "memory_pressure"]


def shed(node: Node) -> list[Event]:
    return [e for e in node.log.events if e.get("event") == "session_shed"]


def gone(node: Node) -> list[Event]:
    return [e for e in node.log.events
            if e.get("event") == "session_closed" and e["jid"].startswith("victim@")]


def resident(node: Node) -> int:
    pages = Path(f"/proc/{node.pid}/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


async def non_reader(node: Node, account: Account, name: str) -> Client:
    client = await session(node, account, name)
    client.write("<presence/>")
    await client.ping(client.host)
    client.connection.pause_reading()
    return client


async def refused_at_the_door(node: Node, account: Account) -> bool:
    client = unconnected(node, account, "early")
    await client.open(node.address())
    await client.expect("{http://etherx.jabber.org/streams}stream")
    told = await client.next_element()
    client.drop()
    return told.tag.endswith("}error") and told[0].tag.endswith("}resource-constraint")


@pytest.mark.alone
@pytest.mark.skipif(build_folder().name in ("asan", "tsan"),
                    reason="a sanitizer keeps freed memory, so the resident size says nothing")
def test_slow_readers_are_shed_and_others_chat_on(fresh_node: Node) -> None:
    node = fresh_node
    node.config["max_memory"] = MAX_MEMORY
    node.start()
    alice, bob, victim = (registered(node, user) for user in ("alice", "bob", "victim"))

    async def main() -> None:
        pair = [await session(node, alice), await session(node, bob)]
        sender = await session(node, alice, "sender")
        silent = [await non_reader(node, victim, f"silent{i}") for i in range(NON_READERS)]
        flood = (f"<message to='{victim.jid}' type='headline'><body>{BODY}</body></message>")
        # What was freed and not yet given back counts at first: then all is well again for a while.
        refused = False
        while not (refused and shed(node)):
            # All are shed, and nobody came while memory was short: once more.
            if not refused and len(gone(node)) == len(silent) and stages(node)[-1] == "normal":
                silent += [await non_reader(node, victim, f"silent{len(silent) + i}")
                           for i in range(NON_READERS)]
            if not refused and stages(node)[-1:] not in ([], ["normal"]):
                refused = await refused_at_the_door(node, bob)
            if resident(node) < MAX_MEMORY:
                sender.write(flood)
            await sender.ping(sender.host)
            for one in pair:
                await one.ping(one.host)
        first = shed(node)[0]
        assert first["jid"].startswith(victim.jid + "/silent")
        assert first["queued_bytes"] > len(BODY)
        # No more are shed than need be: the others hold what they hold until they go.
        for one in silent:
            one.drop()
        await asyncio.to_thread(eventually, lambda: stages(node)[-1] == "normal")
        for one, other in (pair, reversed(pair)):
            one.write(f"<message to='{other.jid}' type='chat'><body>still here</body></message>")
            await other.find(lambda e: "still here" in "".join(e.itertext()))
        await session(node, bob, "late")

    run(main)
    assert not [e for e in node.log.events
                if e.get("event") == "session_shed" and not e["jid"].startswith(victim.jid)]
