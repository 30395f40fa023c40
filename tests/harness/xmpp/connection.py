"""A TCP connection, with or without TLS, that queues the items of the stream it carries."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections import deque
from collections.abc import Callable
from pathlib import Path

from harness.xmpp.items import SASL, TLS, Closed, Item, Received
from harness.xmpp.parser import StreamParser

_RESTARTS = {f"{{{TLS}}}proceed", f"{{{SASL}}}success"}


def client_context(ca_file: Path, direct: bool = False) -> ssl.SSLContext:
    """Trusts the certificates of this authority only, and checks the host's name."""
    context = ssl.create_default_context(cafile=str(ca_file))
    if direct:
        context.set_alpn_protocols(["xmpp-client"])  # XEP-0368
    return context


class Connection(asyncio.Protocol):
    """Use `Connection.open`. `handle` may take an item so that it is not queued."""

    def __init__(self, handle: Callable[[Item], bool]) -> None:
        self.transcript: deque[str] = deque(maxlen=30)
        self.closed = False
        self._handle = handle
        self._items: deque[Item] = deque()
        self._arrived = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self._parser = StreamParser(self._emit)

    @classmethod
    async def open(cls, ip: str, port: int, handle: Callable[[Item], bool],
                   context: ssl.SSLContext | None = None, host: str | None = None) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: cls(handle), ip, port, ssl=context, server_hostname=host)
        return connection

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        assert self._transport is not None
        self.new_parser()
        self._transport = await asyncio.get_running_loop().start_tls(
            self._transport, self, context, server_hostname=host)

    def new_parser(self) -> None:
        self._parser = StreamParser(self._emit)

    def write(self, data: bytes) -> None:
        assert self._transport is not None
        self.transcript.append(f"-> {data.decode(errors='backslashreplace')}")
        self._transport.write(data)

    def pause_reading(self) -> None:
        """From now on nothing is read: what the server sends piles up there."""
        assert self._transport is not None
        self._transport.pause_reading()

    def abort(self) -> None:
        """Ends the TCP connection without a word."""
        if self._transport is not None:
            self._transport.abort()

    def ssl_object(self) -> ssl.SSLObject | None:
        assert self._transport is not None
        return self._transport.get_extra_info("ssl_object")

    def channel_binding(self, kind: str) -> bytes:
        """Python 3.11 offers no tls-exporter."""
        tls = self.ssl_object()
        assert tls is not None
        if kind == "tls-server-end-point":  # the tests' certificates are signed with SHA-256
            return hashlib.sha256(tls.getpeercert(binary_form=True) or b"").digest()
        return tls.get_channel_binding(kind) or b""

    async def next(self) -> Item:
        """The next item, waited for without a bound: the caller sets one."""
        while not self._items:
            self._arrived.clear()
            await self._arrived.wait()
        return self._items.popleft()

    async def find(self, wanted: Callable[[Item], bool]) -> Item:
        """The first item that is wanted; those before it stay queued in order."""
        seen = 0
        while True:
            for index in range(seen, len(self._items)):
                if wanted(item := self._items[index]):
                    del self._items[index]
                    return item
            seen = len(self._items)
            if any(isinstance(item, Closed) for item in self._items):
                raise ConnectionError("closed while waiting")
            self._arrived.clear()
            await self._arrived.wait()

    def waiting_items(self) -> list[Item]:
        return list(self._items)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed(data)
        except ValueError as error:
            self._emit(Closed(str(error)))
            self.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self._emit(Closed(str(error) if error else "in order"))

    def _emit(self, item: Item) -> None:
        if self.closed:
            return
        self.closed = isinstance(item, Closed)
        self.transcript.append(f"<- {item}")
        if isinstance(item, Received) and item.element.tag in _RESTARTS:
            self.new_parser()
        if not self._handle(item):
            self._items.append(item)
            self._arrived.set()
