"""A node that has just come gets its share of the sessions, and nobody notices."""

from __future__ import annotations

import asyncio
import contextlib

from daemon.sessions import registered, run, session
from daemon.test_drain import stream_error
from daemon.test_parking import managed, presences, resumed
from dialogues.language.contacts import make_contacts
from harness.cluster import Cluster
from harness.node import Account, Node
from harness.ports import free_port
from harness.waiting import eventually
from harness.xmpp.client import Client

_SESSIONS = 30


def test_a_fresh_node_gets_its_share(stopped_pair: Cluster) -> None:
    full, fresh = stopped_pair
    full.config["balance"] = {"mode": "gentle", "rate": 10}
    port = free_port()
    fresh.config["listen"][0]["port"] = port
    fresh.config["cluster"]["client_address"] = f"127.0.0.1:{port}"
    full.start()
    accounts = [registered(full, f"user{n}") for n in range(_SESSIONS)]
    friend_account = registered(full, "friend")
    moved: list[Client] = []

    async def follow(account: Account, client: Client, previous: str, first: Node) -> None:
        """Goes where it is sent, with its session."""
        assert await stream_error(client) == ("see-other-host", f"127.0.0.1:{port}")
        assert first is full, "nobody is moved twice"
        moved.append(await resumed(fresh, account, previous, h=2))

    async def main() -> None:
        await make_contacts([(accounts[0], full), (friend_account, full)])
        clients = [await managed(full, account) for account in accounts]
        stays = await session(full, friend_account)  # it cannot be resumed
        stays.write("<presence/>")
        await stays.find(lambda e: e.get("from") == clients[0][0].jid)
        following = [asyncio.create_task(follow(account, client, previous, full))
                     for account, (client, previous) in zip(accounts, clients, strict=True)]
        await asyncio.to_thread(fresh.start)
        # 31 sessions: each node is to have no more than 15 and a few.
        full.log.wait("balancing")
        for _ in range(600):
            if len(moved) >= _SESSIONS - 16:
                break
            await asyncio.sleep(0.1)
        await asyncio.sleep(4.5)  # two more rounds: it is over
        assert _SESSIONS - 17 <= len(moved) <= _SESSIONS - 14, len(moved)
        await stays.ping(stays.host)
        assert "unavailable" not in [kind for _, kind in await presences(stays)]
        for task in following:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        nodes = await asyncio.to_thread(full.ctl, "list_cluster")
        assert sum(n["sessions"] for n in nodes) == _SESSIONS + 1

    run(main)


def test_who_has_more_than_his_share_is_sent_nobody(stopped_pair: Cluster) -> None:
    """Where readiness may say so; nobody is moved, as `mode` is off."""
    full, fresh = stopped_pair
    for node in stopped_pair:
        node.config["balance"] = {"mode": "off", "readiness": True}
        node.serve_http()
    full.start()
    account = registered(full, "alice")

    def health(node: Node) -> tuple[int, str]:
        code, said = node.health()
        return code, said.get("reason", "")

    async def main() -> None:
        clients = [await session(full, account, f"number{n}") for n in range(_SESSIONS)]
        assert health(full) == (200, "")
        await asyncio.to_thread(fresh.start)
        await asyncio.to_thread(
            eventually, lambda: (health(full), health(fresh)) == ((503, "over its share"),
                                                                  (200, "")))
        for client in clients:
            client.write("</stream:stream>")
        await asyncio.to_thread(eventually, lambda: health(full) == (200, ""))

    run(main)
