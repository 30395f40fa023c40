"""One account's client: logs in, resumes, sends its flow, counts what it is told and what it gets.

Stream management is that of XEP-0198: what the server has counted in <a h=.../>, <resumed h=.../>
or <failed h=.../> is acknowledged, and nothing else. What is not is sent again after the next
log-in: on the same session if it could be resumed, on a new one otherwise.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass

from durability import negotiation as say
from durability.connection import Connection
from durability.ledger import Ledger, body_of
from durability.loop import Loop
from durability.splitter import STREAM_END, Element

_STANZAS = (b"message", b"presence", b"iq")
_NOT_A_MESSAGE = -1
_REQUEST_EVERY = 5  # messages between two <r/> of one batch
Dialogue = Generator[None, Element, None]


@dataclass
class Pace:
    """At most `window` messages unacknowledged, and `rate` new ones a second (0: no limit)."""

    window: int
    rate: float = 0.0


class Client:
    """`connect` it again whenever `connected` is false; it remembers its session."""

    def __init__(self, loop: Loop, ledger: Ledger, number: int, password: str) -> None:
        self.number = number
        self.user = f"user{number}"
        self.resumed = 0
        self.sessions = 0
        self.pace: Pace | None = None  # set: sends
        self.on_iq: Callable[[bytes], None] = lambda _: None
        self.on_archived: Callable[[bytes], None] | None = None
        self._loop = loop
        self._ledger = ledger
        self._flow = ledger.flows[number]
        self._password = password
        self._to = f"user{number ^ 1}@{say.HOST}"
        self._connection: Connection | None = None
        self._dialogue: Dialogue | None = None
        self._session: str | None = None
        self._counted = 0  # stanzas received on this session
        self._acknowledged = 0  # stanzas of ours that the server has counted on this session
        self._unacknowledged: deque[int] = deque()
        self._again: deque[int] = deque()  # to be sent on the new session before anything else
        self._requested = False
        self._next_due = 0.0

    # -- connecting

    @property
    def connected(self) -> bool:
        return self._connection is not None and self._connection.open

    @property
    def ready(self) -> bool:
        return self.connected and self._dialogue is None

    @property
    def idle(self) -> bool:
        """Everything that it has sent is acknowledged."""
        return self.ready and not self._unacknowledged and not self._again

    def connect(self, address: tuple[str, int]) -> None:
        self._connection = Connection(self._loop, address, self._on_elements, self._on_end)
        self._dialogue = self._negotiate()
        next(self._dialogue)

    def drop(self) -> None:
        """As a lost network does: no good-bye; the session can be resumed."""
        if self._connection is not None:
            self._connection.drop()
            self._on_end()

    def close(self) -> None:
        """Says good-bye; the session is over."""
        self.write(say.ack(self._counted) + "</stream:stream>")
        self._session = None

    def _on_end(self) -> None:
        self._dialogue = None
        self._requested = False

    def _negotiate(self) -> Dialogue:
        self.write(say.HEADER)
        _, features = yield
        yield from self._authenticate(features)
        self.write(say.HEADER)
        yield  # features again
        if self._session is not None and (yield from self._resume(self._session)):
            return
        self.write(say.BIND)
        yield
        self.write(say.ENABLE)
        name, answer = yield
        while name != b"enabled":  # a server may push before it answers
            name, answer = yield
        self.sessions += 1
        self._start_session(say.attribute(answer, "id"))

    def _authenticate(self, features: bytes) -> Dialogue:
        if b">PLAIN<" in features:
            self.write(say.auth("PLAIN", f"\0{self.user}\0{self._password}".encode()))
        else:
            scram = say.Scram(self.user, self._password)
            self.write(say.auth("SCRAM-SHA-1", scram.first()))
            _, challenge = yield
            self.write(say.response(scram.final(challenge)))
        name, answer = yield
        if name != b"success":
            raise RuntimeError(f"{self.user} cannot log in: {answer.decode()}")

    def _resume(self, session: str) -> Generator[None, Element, bool]:
        self.write(say.resume(session, self._counted))
        name, answer = yield
        h = say.attribute(answer, "h")
        if h is not None:
            self._acknowledge(int(h))
        if name != b"resumed":
            return False
        self.resumed += 1
        for number in self._unacknowledged:
            self._write_stanza(number)
        self._request()
        return True

    def _start_session(self, session: str | None) -> None:
        self._session = session
        self._again.extendleft(
            n for n in reversed(self._unacknowledged) if n != _NOT_A_MESSAGE)
        self._unacknowledged.clear()
        self._counted = self._acknowledged = 0
        self.write("<presence/>")
        self._unacknowledged.append(_NOT_A_MESSAGE)
        self._request()

    # -- receiving

    def _on_elements(self, elements: list[Element]) -> None:
        asked = False
        for element in elements:
            name, text = element
            if name in _STANZAS and self._dialogue is None:
                self._counted += 1
                self._on_stanza(name, text)
            elif name == b"r":
                asked = True
            elif name == b"a":
                self._requested = False
                self._acknowledge(int(say.attribute(text, "h") or 0))
            elif name in (STREAM_END, b"stream:error"):
                if name == b"stream:error":
                    self._ledger.faults[text.decode()] += 1
                self.drop()
                return
            elif self._dialogue is not None:
                try:
                    self._dialogue.send(element)
                except StopIteration:
                    self._dialogue = None
        if asked:
            self.write(say.ack(self._counted))

    def _on_stanza(self, name: bytes, text: bytes) -> None:
        if name == b"iq":
            self.on_iq(text)
        elif name == b"message":
            if self.on_archived is not None and b"urn:xmpp:mam:2" in text and b"<result" in text:
                self.on_archived(text)
            else:
                self._ledger.receive(self.number, text)

    def _acknowledge(self, h: int) -> None:
        count = h - self._acknowledged
        if not 0 <= count <= len(self._unacknowledged):
            self._ledger.faults["acknowledged what was never sent"] += 1
            count = max(0, min(count, len(self._unacknowledged)))
        for _ in range(count):
            number = self._unacknowledged.popleft()
            if number != _NOT_A_MESSAGE:
                self._ledger.acknowledge(self.number, number)
        self._acknowledged = h

    # -- sending

    def write(self, text: str) -> None:
        if self._connection is not None:
            self._connection.write(text)

    def send_iq(self, text: str) -> None:
        self._unacknowledged.append(_NOT_A_MESSAGE)
        self.write(text)

    def _request(self) -> None:
        self._requested = True
        self.write(say.REQUEST)

    def _write_stanza(self, number: int) -> None:
        if number == _NOT_A_MESSAGE:
            self.write("<presence/>")
        else:
            self._flow.resent.add(number)
            self.write(self._message(number))

    def _message(self, number: int) -> str:
        return (f"<message type='chat' to='{self._to}' id='{self.number}-{number}'>"
                f"<body>{body_of(self.number, number)}</body></message>")

    def pump(self, now: float) -> None:
        """Sends what pace and window allow; called now and then."""
        if not self.ready or self.pace is None and not self._again:
            return
        room = (self.pace.window if self.pace else 20) - len(self._unacknowledged)
        batch: list[str] = []
        while len(batch) < room and (self._again or self._due(now)):
            number = self._next_number()
            self._unacknowledged.append(number)
            batch.append(self._message(number))
            if len(batch) % _REQUEST_EVERY == 0:
                batch[-1] += say.REQUEST
        if batch:
            self._requested = True
            self.write("".join(batch) + say.REQUEST)
        elif self._unacknowledged and not self._requested:
            self._request()

    def _next_number(self) -> int:
        if self._again:
            number = self._again.popleft()
            self._flow.resent.add(number)
            return number
        self._flow.sent += 1
        return self._flow.sent - 1

    def _due(self, now: float) -> bool:
        if self.pace is None:
            return False
        if self.pace.rate == 0:
            return True
        if now < self._next_due:
            return False
        # A client that could not send for a while does not make up for it.
        self._next_due = max(self._next_due, now - 1) + random.expovariate(self.pace.rate)
        return True
