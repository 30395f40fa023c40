"""Sessions for tests that need one beside the daemon's own affairs."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable

from harness.node import Account, Node
from harness.xmpp.client import Client

_opened: list[Client] = []


def registered(node: Node, user: str = "alice", host: str | None = None) -> Account:
    account = Account(user, host or node.hosts[0], secrets.token_hex(9))
    node.register(account)
    return account


def unconnected(node: Node, account: Account, resource: str = "here") -> Client:
    """A client whose connection, should it get one, ends with `run` at the latest."""
    client = Client(account.host, node.ca_file, account, resource)
    _opened.append(client)
    return client


async def session(node: Node, account: Account, resource: str = "here",
                  tls: str = "starttls") -> Client:
    """A client that has bound its resource."""
    client = unconnected(node, account, resource)
    await client.connect(node.address(tls), direct_tls=tls == "direct")
    return client


def run(main: Callable[[], Awaitable[object]]) -> None:
    """Runs the test's coroutine; no connection is left behind, so that the node can stop."""
    async def whole() -> None:
        try:
            await main()
        finally:
            for client in _opened:
                if client.connected:
                    client.drop()
            _opened.clear()

    asyncio.run(whole())
