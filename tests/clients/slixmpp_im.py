"""A slixmpp client inside the test, for what takes more than the lines of slixmpp_chat.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import slixmpp

from harness.node import Account, Node
from harness.waiting import TIMEOUT_S

_PLUGINS = ("xep_0030", "xep_0059", "xep_0191", "xep_0198", "xep_0199", "xep_0203", "xep_0280",
            "xep_0313", "xep_0352", "xep_0359", "xep_0441")


class ImClient(slixmpp.ClientXMPP):
    """What comes in waits in `messages` and so on, in order, until the test takes it."""

    def __init__(self, node: Node, account: Account, resource: str) -> None:
        super().__init__(f"{account.jid}/{resource}", account.password)
        self._address = node.address()
        self.ca_certs = Path(node.ca_file)
        for plugin in _PLUGINS:
            self.register_plugin(plugin)
        self.messages = self._queue("message")
        self.errors = self._queue("message_error")
        self.sent_carbons = self._queue("carbon_sent")
        self.received_carbons = self._queue("carbon_received")
        self.presences = self._queue("presence")
        self.blocked = self._queue("blocked")
        self.unblocked = self._queue("unblocked")
        self.acknowledged = self._queue("stanza_acked")

    def _queue(self, event: str) -> asyncio.Queue[Any]:
        queue: asyncio.Queue[Any] = asyncio.Queue()
        self.add_event_handler(event, queue.put_nowait)
        return queue

    async def until(self, event: str, action: Callable[[], object]) -> None:
        """Does it, and returns after the event."""
        waiting = asyncio.ensure_future(self.wait_until(event, TIMEOUT_S))
        await asyncio.sleep(0)  # the handler is there before the action
        action()
        await waiting

    async def log_in(self) -> None:
        """Without presence."""
        await self.until("session_start", lambda: self.connect(self._address))
        await self.get_roster()

    async def become_available(self) -> None:
        """Returns when the server knows, which answers with our own presence."""
        self.send_presence()
        while (await soon(self.presences))["from"] != self.boundjid:
            pass

    async def lose_connection(self) -> None:
        """As a train in a tunnel does: no good-bye."""
        await self.until("disconnected", self.abort)

    async def resume(self) -> None:
        await self.until("session_resumed", lambda: self.connect(self._address))

    async def log_out(self) -> None:
        """Tells what has come, whether or not the server has asked already: it would offer it to
        the next session else (XEP-0198, section 4)."""
        if self["xep_0198"].enabled_in:
            self["xep_0198"].send_ack()
        await self.disconnect(TIMEOUT_S)

    async def nothing_more(self, queue: asyncio.Queue[Any]) -> None:
        """The server, which keeps order, has answered a later request, and nothing came before."""
        await self["xep_0199"].send_ping(self.boundjid.host, timeout=TIMEOUT_S)
        left = [queue.get_nowait() for _ in range(queue.qsize())]
        assert not left, "\n".join(map(str, left))

    def say(self, to: str, body: str) -> None:
        self.send_message(mto=slixmpp.JID(to), mbody=body, mtype="chat")


async def soon(queue: asyncio.Queue[Any]) -> Any:
    """The next that comes."""
    return await asyncio.wait_for(queue.get(), TIMEOUT_S)


async def bodies(queue: asyncio.Queue[Any], count: int) -> list[str]:
    return [(await soon(queue))["body"] for _ in range(count)]


@asynccontextmanager
async def online(node: Node, account: Account, resource: str = "one",
                 available: bool = True) -> AsyncIterator[ImClient]:
    """Logged in, and logged out afterwards."""
    client = ImClient(node, account, resource)
    try:
        await client.log_in()
        if available:
            await client.become_available()
        yield client
        await client.log_out()
    finally:
        client.abort()
