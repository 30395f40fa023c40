"""Well-behaved clients that talk to each other all the time, and notice whatever goes wrong."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Coroutine
from typing import Any

from harness.node import Account, Node
from harness.waiting import TIMEOUT_S
from harness.xmpp.client import Client

_PACE_S = 0.05  # between two rounds, while nobody waits for one
_BURST = 3      # messages of a round in each direction


class Chat:
    """Pairs of clients in a thread of their own. A round: one says so many things, numbered, and
    the other repeats each; every number must come once, and in its place.
    """

    def __init__(self, node: Node, pairs: int = 3) -> None:
        self._node = node
        self._accounts = [Account(f"chatter{n}", node.hosts[n % len(node.hosts)],
                                  secrets.token_hex(9)) for n in range(2 * pairs)]
        self._rounds = [0] * pairs
        self._wanted = 0  # how many wait in progress()
        self._error: BaseException | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)

    def start(self) -> None:
        for account in self._accounts:
            self._node.register(account)
        self._thread.start()
        self.progress()

    def progress(self, rounds: int = 2) -> None:
        """Returns when every pair has had so many whole rounds that began after the call."""
        with self._changed:
            goal = [done + rounds + 1 for done in self._rounds]
            self._want(1)
            self._changed.wait_for(lambda: self._error or all(
                done >= wanted for done, wanted in zip(self._rounds, goal)), TIMEOUT_S)
            self._want(-1)
            assert self._error is None, f"the chat broke: {self._error!r}"
            assert all(d >= g for d, g in zip(self._rounds, goal)), "the chat is held up"

    def stop(self) -> None:
        self.progress()
        with self._changed:
            stop, loop = self._stop, self._loop
        loop.call_soon_threadsafe(stop.set)
        self._thread.join(TIMEOUT_S)
        assert not self._thread.is_alive()
        assert self._error is None, f"the chat broke: {self._error!r}"

    def _want(self, change: int) -> None:
        before, self._wanted = self._wanted, self._wanted + change
        if (before == 0) != (self._wanted == 0) and hasattr(self, "_hurry"):
            self._loop.call_soon_threadsafe(
                self._hurry.set if self._wanted else self._hurry.clear)

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        hurry = asyncio.Event()
        hurry.set()
        self._hurry = hurry
        try:
            clients = [Client(a.host, self._node.ca_file, a, "chat") for a in self._accounts]
            for client in clients:
                await client.connect(self._node.address("direct"), direct_tls=True)
            await asyncio.gather(*(self._pair(n, *clients[2 * n:2 * n + 2])
                                   for n in range(len(self._rounds))))
            for client in clients:
                await client.close()
        except BaseException as error:
            with self._changed:
                self._error = error
                self._changed.notify_all()

    async def _pair(self, number: int, first: Client, second: Client) -> None:
        said = 0
        while not self._stop.is_set():
            for n in range(_BURST):
                first.write(_message(second, said + n))
            for n in range(_BURST):
                await _heard(second, said + n)
                second.write(_message(first, said + n))
            for n in range(_BURST):
                await _heard(first, said + n)
            said += _BURST
            with self._changed:
                self._rounds[number] += 1
                self._changed.notify_all()
            await _until(self._hurry.wait(), _PACE_S)


async def _until(wait: Coroutine[Any, Any, Any], seconds: float) -> None:
    try:
        await asyncio.wait_for(wait, seconds)
    except TimeoutError:
        pass


def _message(to: Client, number: int) -> str:
    return f"<message to='{to.jid}' type='chat'><body>{number}</body></message>"


async def _heard(client: Client, number: int) -> None:
    element = await client.next_element()
    said = element.findtext("{jabber:client}body")
    if said != str(number):
        raise AssertionError(f"{client.jid}: {number} expected, heard {said}")
