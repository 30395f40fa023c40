"""One stream of one client: connection, TLS, SASL, binding, and pings that act as barriers."""

from __future__ import annotations

import asyncio
import base64
import itertools
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

from harness.node import Account, Address
from harness.waiting import TIMEOUT_S
from harness.xmpp import items, sasl
from harness.xmpp.connection import Connection, client_context
from harness.xmpp.items import Declaration, Item, Received

_T = TypeVar("_T")
_ASKED = "{urn:xmpp:sm:3}r"
_BARRIER = "barrier-"  # ids that belong to this file
_PREFERRED = ("SCRAM-SHA-256", "SCRAM-SHA-1")


class Unexpected(AssertionError):
    """The server sent something else than the negotiation asks for."""


class SaslFailed(Exception):
    """The server refused; `condition` is the name of the child of <failure/>."""

    def __init__(self, condition: str) -> None:
        super().__init__(condition)
        self.condition = condition


class Client:
    """Not connected at first. Every method that waits gives up after TIMEOUT_S."""

    def __init__(self, host: str, ca_file: Path, account: Account | None = None,
                 resource: str | None = None) -> None:
        self.host = host
        self.account = account
        self.resource = resource
        self.jid: str | None = None  # the full JID, once bound
        self.features: Element | None = None  # of the latest stream that this class opened
        self._ca_file = ca_file
        self._connection: Connection | None = None
        self._answers: dict[str, asyncio.Future[Element]] = {}
        self._last_words: list[str] = []
        self._serial = itertools.count(1)

    @property
    def connection(self) -> Connection:
        assert self._connection is not None, "not connected"
        return self._connection

    @property
    def connected(self) -> bool:
        """There is a connection, or one that the server has ended and nobody has asked about."""
        return self._connection is not None

    @property
    def bound(self) -> bool:
        return self.connected and self.jid is not None and not self.connection.closed

    @property
    def transcript(self) -> list[str]:
        """The last lines in both directions, for people."""
        return list(self._connection.transcript) if self._connection else self._last_words

    # Connecting, step by step

    async def open(self, address: Address, direct_tls: bool = False) -> None:
        context = client_context(self._ca_file, direct=True) if direct_tls else None
        self.jid = None
        self._connection = await self._bounded(Connection.open(
            address.ip, address.port, self._handle, context, self.host if direct_tls else None))

    def open_stream(self, to: str | None = None) -> None:
        self.connection.new_parser()
        self.write(f"<?xml version='1.0'?><stream:stream to={quoteattr(to or self.host)}"
                   f" version='1.0' xmlns='{items.CLIENT}' xmlns:stream='{items.STREAM}'>")

    async def start_tls(self) -> None:
        self.write(f"<starttls xmlns='{items.TLS}'/>")
        await self.expect(f"{{{items.TLS}}}proceed")
        await self._bounded(
            self.connection.start_tls(client_context(self._ca_file), self.host))

    async def stream_features(self) -> Element:
        """Opens a stream and takes its header; the features are returned."""
        self.open_stream()
        await self.expect(f"{{{items.STREAM}}}stream")
        self.features = await self.expect(f"{{{items.STREAM}}}features")
        return self.features

    async def negotiate_tls(self, address: Address, direct_tls: bool = False) -> Element:
        await self.open(address, direct_tls)
        if not direct_tls:
            await self.stream_features()
            await self.start_tls()
        return await self.stream_features()

    async def authenticate(self, mechanism: str | None = None, user: str | None = None,
                           password: str | None = None, binding: str | None = None) -> None:
        """Raises SaslFailed if the server refuses; otherwise a new stream has begun."""
        mechanism = mechanism or self._preferred()
        user = user if user is not None else self.account.user if self.account else ""
        password = password if password is not None else (
            self.account.password if self.account else "")
        if mechanism == "PLAIN":
            await self._auth(mechanism, sasl.plain(user, password))
        else:
            kind = binding or "tls-server-end-point"
            bound = (kind, self.connection.channel_binding(kind))
            scram = sasl.Scram(mechanism, user, password,
                               bound if mechanism.endswith("-PLUS") else None)
            challenge = await self._auth(mechanism, scram.first())
            final = scram.final(challenge)
            self.write(f"<response xmlns='{items.SASL}'>{base64.b64encode(final).decode()}"
                       "</response>")
            scram.check(await self._sasl_answer("success"))
        await self.stream_features()

    def _preferred(self) -> str:
        tag = f"{{{items.SASL}}}mechanism"
        offered = {e.text for e in self.features.iter(tag)} if self.features is not None else set()
        return next((m for m in _PREFERRED if m in offered), "PLAIN")

    async def _auth(self, mechanism: str, initial: bytes) -> bytes:
        self.write(f"<auth xmlns='{items.SASL}' mechanism='{mechanism}'>"
                   f"{base64.b64encode(initial).decode()}</auth>")
        return await self._sasl_answer("success" if mechanism == "PLAIN" else "challenge")

    async def _sasl_answer(self, wanted: str) -> bytes:
        answer = await self.next_element()
        if answer.tag == f"{{{items.SASL}}}failure":
            conditions = [items.split_name(child.tag)[1] for child in answer]
            raise SaslFailed(next((c for c in conditions if c != "text"), ""))
        if answer.tag != f"{{{items.SASL}}}{wanted}":
            raise Unexpected(f"<{wanted}/> expected, received {items.to_text(answer)}")
        return base64.b64decode(answer.text or "")

    async def bind(self) -> None:
        resource = f"<resource>{self.resource}</resource>" if self.resource else ""
        answer = await self.ask(f"<iq type='set' id='%s'><bind xmlns='{items.BIND}'>{resource}"
                                "</bind></iq>")
        jid = answer.find(f"{{{items.BIND}}}bind/{{{items.BIND}}}jid")
        if answer.get("type") != "result" or jid is None or not jid.text:
            raise Unexpected(f"binding: {items.to_text(answer)}")
        self.jid = jid.text
        self.resource = jid.text.partition("/")[2]

    async def connect(self, address: Address, direct_tls: bool = False) -> None:
        """Everything up to a bound resource."""
        await self.negotiate_tls(address, direct_tls)
        await self.authenticate()
        await self.bind()
        self.connection.transcript.clear()  # so far nothing that anybody wants to read

    # Talking

    def write(self, text: str | bytes) -> None:
        self.connection.write(text.encode() if isinstance(text, str) else text)

    async def next(self) -> Item:
        return await self._bounded(self.connection.next())

    async def next_element(self) -> Element:
        """The next item that is no XML declaration; it must be an element."""
        item = await self.next()
        while isinstance(item, Declaration):
            item = await self.next()
        if not isinstance(item, Received):
            raise Unexpected(f"an element expected, received {item}")
        return item.element

    async def expect(self, tag: str) -> Element:
        element = await self.next_element()
        if element.tag != tag:
            raise Unexpected(f"{tag} expected, received {items.to_text(element)}")
        return element

    async def find(self, wanted: Callable[[Element], bool]) -> Element:
        """The first element that is wanted; items before it stay for others."""
        item = await self._bounded(self.connection.find(
            lambda i: isinstance(i, Received) and wanted(i.element)))
        assert isinstance(item, Received)
        return item.element

    async def ask(self, iq: str) -> Element:
        """Sends an iq, `%s` being its id, and returns the answer, which is not queued."""
        number = f"{_BARRIER}{next(self._serial)}"
        future = asyncio.get_running_loop().create_future()
        self._answers[number] = future
        self.write(iq % number)
        try:
            return await self._bounded(future)
        finally:
            del self._answers[number]

    async def ping(self, to: str) -> None:
        """Returns when `to` has answered, or the server for it; a Client answers by itself."""
        await self.ask(f"<iq type='get' id='%s' to={quoteattr(to)}><ping xmlns='{items.PING}'/>"
                       "</iq>")

    async def close(self) -> None:
        """Ends the stream and waits for the server's end of it."""
        self.write("</stream:stream>")
        await self._bounded(self.connection.find(lambda i: isinstance(i, items.EndOfStream)))
        self.drop()

    def drop(self) -> None:
        """Ends the TCP connection without a word; the client can then connect anew."""
        self._last_words = self.transcript
        self.connection.abort()
        self._connection = None
        self.jid = None

    def _handle(self, item: Item) -> bool:
        """Takes what belongs to `ask` and `ping`, and <r/> (XEP-0198), which may come any time."""
        if isinstance(item, items.Closed):
            for future in self._answers.values():
                if not future.done():
                    future.set_exception(ConnectionError(f"while waiting for an answer: {item}"))
            return False
        if isinstance(item, Received) and item.element.tag == _ASKED:
            return True
        if not isinstance(item, Received) or item.element.tag != f"{{{items.CLIENT}}}iq":
            return False
        iq = item.element
        number = iq.get("id", "")
        if not number.startswith(_BARRIER):
            return False
        if iq.get("type") == "get":
            self.write(f"<iq type='result' id='{number}' to={quoteattr(iq.get('from', ''))}/>")
        elif (answer := self._answers.get(number)) is None:
            return False
        elif not answer.done():
            answer.set_result(iq)
        return True

    @staticmethod
    async def _bounded(awaitable: Awaitable[_T]) -> _T:
        return await asyncio.wait_for(awaitable, TIMEOUT_S)
