"""People who talk all the time, with stream management (XEP-0198), and keep a book of it.

A person reconnects by himself when his connection ends, to the next node; he resumes his session
if the server lets him, and otherwise says again what was not acknowledged. Nothing that was
acknowledged may be lost, nothing may come twice unless somebody had to repeat himself, and all
comes in order.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element

from cluster.site import Member
from harness.node import Account
from harness.waiting import TIMEOUT_S
from harness.xmpp import items
from harness.xmpp.client import Client, SaslFailed, Unexpected
from harness.xmpp.items import Closed, Item, Received

_SM = "urn:xmpp:sm:3"
_STANZAS = {f"{{{items.CLIENT}}}{name}" for name in ("message", "presence", "iq")}
_PACE_S = 0.05  # between two messages of a flow
_AGAIN_S = 0.1  # between two attempts to connect
_PATIENCE_S = 10.0  # with one attempt


class _Line(Client):
    """A client whose items somebody else takes first."""

    def __init__(self, ca_file: Path, account: Account, resource: str,
                 taken: Callable[[Item], bool]) -> None:
        super().__init__(account.host, ca_file, account, resource)
        self._taken = taken

    def _handle(self, item: Item) -> bool:
        return self._taken(item) or super()._handle(item)


def _runs(numbers: Iterable[int]) -> str:
    """As "0-9 72-80"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return " ".join(f"{first}-{last}" for first, last in runs)


@dataclass(eq=False)
class Flow:
    """What one says to another, numbered from 0."""

    name: str
    sender: Person
    receiver: Person
    sent: int = 0
    acknowledged: set[int] = field(default_factory=set)
    doubtful: set[int] = field(default_factory=set)  # may come twice, and late
    refused: dict[int, str] = field(default_factory=dict)  # by an error: the sender knows
    received: list[tuple[int, int]] = field(default_factory=list)  # receiver's session, number
    elsewhere: set[int] = field(default_factory=set)  # received by others with his account

    def missing(self) -> set[int]:
        return (self.acknowledged - {n for _, n in self.received} - self.elsewhere
                - set(self.refused))

    def check(self) -> None:
        """Of what has been received: in order, and once in a session."""
        times = Counter(self.received)
        twice = {n for (_, n), count in times.items() if count > 1} - self.doubtful
        assert not twice, (f"{self}: {_runs(sorted(twice))} twice in one session: {self.heard()}\n"
                           + self.why(min(twice)))
        latest: dict[int, int] = {}
        first: dict[int, int] = {}  # the session that received it first
        for session, number in self.received:
            # What he has had already may come again, and late: docs/cluster.md says when.
            if first.setdefault(number, session) != session or number in self.doubtful:
                continue
            before = latest.get(session, -1)
            assert number > before, (f"{self}: {number} after {before}: {self.heard()}\n"
                                     + self.why(number) + self.why(before))
            latest[session] = number

    def heard(self) -> str:
        """For people."""
        sessions = sorted({session for session, _ in self.received})
        return "; ".join(f"session {session}: " + _runs(n for s, n in self.received if s == session)
                         for session in sessions)

    def why(self, number: int) -> str:
        """For people: what the nodes that still run have noted of it."""
        for place in (*self.sender.places, *self.receiver.places):
            told = place.run_ctl("why", f"{self.name}-{number}", json_output=False)
            if told.returncode == 0:
                return told.stdout
        return f"no node knows what became of {number}\n"

    def check_undisturbed(self) -> None:
        """Moreover, neither of the two has noticed anything."""
        self.check()
        assert not self.sender.losses and not self.receiver.losses, self
        assert not self.refused and not self.doubtful, (self, self.refused)
        numbers = [n for _, n in self.received]
        assert numbers == sorted(set(numbers)), f"{self}: {self.heard()}"

    def __str__(self) -> str:
        return f"{self.name} ({self.sender} to {self.receiver}, {self.sent} sent)"


class Person:
    """`places` are the nodes that he tries, in turn."""

    def __init__(self, talk: Talk, account: Account, places: list[Member],
                 resource: str = "here") -> None:
        self.account = account
        self.resource = resource
        self.places = deque(places)
        self.losses: list[str] = []  # how connections have ended that he did not end
        self.failures: list[str] = []  # of attempts to connect
        self.sessions = 0
        self.resumed = 0
        self.ready = False
        self._talk = talk
        self._line: _Line | None = None
        self._session: str | None = None
        self._counting = False
        self._counted = 0
        self._handled = 0  # stanzas of ours that the server has counted
        self._unacknowledged: deque[tuple[Flow, int] | None] = deque()
        self._wanted = asyncio.Event()
        self._ended = asyncio.Event()
        self._error = ""
        self._over = False
        self._task: asyncio.Task[None] | None = None

    @property
    def jid(self) -> str:
        return f"{self.account.jid}/{self.resource}"

    @property
    def at(self) -> Member:
        return self.places[0]

    @property
    def idle(self) -> bool:
        """All that he has said is acknowledged."""
        return not self._unacknowledged

    def __str__(self) -> str:
        return f"{self.account.user} at {self.at.name}"

    def come(self) -> None:
        """And come back, whatever happens."""
        self._wanted.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._live())

    def stay_away(self) -> None:
        """Once the connection is lost."""
        self._wanted.clear()

    def lose_connection(self) -> None:
        """As in a tunnel."""
        if self._line is not None and self._line.connected:
            self._line.drop()
            self._ended.set()

    async def go(self) -> None:
        """Says good-bye."""
        self._wanted.clear()
        await self._talk.until(lambda: self.idle, f"acknowledgements for {self}")
        if self._line is not None and self.ready:
            self._write(f"<a xmlns='{_SM}' h='{self._counted}'/></stream:stream>")
            self._session = None
            self._counting = False  # what still comes he has not acknowledged: it comes again
            await self._talk.until(lambda: not self.ready, f"end of the stream of {self}")
            self.losses.pop()

    async def end(self) -> None:
        """For good, without a word."""
        self._over = True  # asyncio may lose a cancellation that comes together with a result
        self.lose_connection()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._line is not None and self._line.connected:
            self._line.drop()

    def say(self, flow: Flow) -> None:
        self._send(flow, flow.sent)
        flow.sent += 1

    async def ping(self, to: str) -> None:
        assert self._line is not None
        await self._line.ping(to)

    # -- connecting

    async def _live(self) -> None:
        while not self._over:
            await self._wanted.wait()
            self._ended.clear()
            self._error = ""
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    await self._log_in()
            except (OSError, TimeoutError, SaslFailed, Unexpected) as error:
                self.failures.append(f"{self.at.name}: {error!r} {self._error}")
                if self._line is not None and self._line.connected:
                    self._line.drop()
                self._counting = False
                self.places.rotate(-1)
                await asyncio.sleep(_AGAIN_S)  # as a client should, who is not the only one
                continue
            self._talk.changed()
            await self._ended.wait()
            self.ready = self._counting = False
            self.losses.append(f"{self.at.name}: {self._error or 'connection lost'}")
            self.places.rotate(-1)
            self._talk.changed()

    async def _log_in(self) -> None:
        self._line = line = _Line(self.at.ca_file, self.account, self.resource, self._take)
        await line.negotiate_tls(self.at.door, direct_tls=True)
        await line.authenticate()
        if self._session is None or not await self._resume(line):
            await line.bind()
            line.write(f"<enable xmlns='{_SM}' resume='true'/>")
            enabled = await line.expect(f"{{{_SM}}}enabled")
            self._begin_session(enabled.get("id"))
        self.ready = True

    async def _resume(self, line: _Line) -> bool:
        line.write(f"<resume xmlns='{_SM}' previd='{self._session}' h='{self._counted}'/>")
        answer = await line.next_element()
        if (handled := answer.get("h")) is not None:
            self._acknowledge(int(handled))
        if answer.tag != f"{{{_SM}}}resumed":
            return False
        self.resumed += 1
        unacknowledged, self._unacknowledged = self._unacknowledged, deque()
        for message in unacknowledged:
            self._repeat(message)
        return True

    def _begin_session(self, session: str | None) -> None:
        self._session = session
        self.sessions += 1
        self._handled = 0
        unacknowledged, self._unacknowledged = self._unacknowledged, deque()
        self._send_presence()
        for message in unacknowledged:
            if message is not None:
                self._repeat(message)

    def _repeat(self, message: tuple[Flow, int] | None) -> None:
        if message is None:
            self._send_presence()
        else:
            message[0].doubtful.add(message[1])
            self._send(*message)

    # -- what is sent

    def _write(self, text: str) -> None:
        assert self._line is not None
        self._line.write(text)

    def _send_presence(self) -> None:
        self._unacknowledged.append(None)
        self._write(f"<presence/><r xmlns='{_SM}'/>")

    def _send(self, flow: Flow, number: int) -> None:
        self._unacknowledged.append((flow, number))
        self._write(f"<message to='{flow.receiver.account.jid}' type='chat'"
                    f" id='{flow.name}-{number}'><body>{number}</body></message>"
                    f"<r xmlns='{_SM}'/>")

    # -- what comes

    def _take(self, item: Item) -> bool:
        if isinstance(item, Closed):
            self._ended.set()
            return False
        if not isinstance(item, Received):
            return False
        element = item.element
        if element.tag == f"{{{items.STREAM}}}error":
            self._error = items.split_name(element[0].tag)[1]
        elif element.tag == f"{{{_SM}}}enabled":
            self._counting, self._counted = True, 0
        elif element.tag == f"{{{_SM}}}resumed":
            self._counting = True
        elif element.tag == f"{{{_SM}}}r":
            self._write(f"<a xmlns='{_SM}' h='{self._counted}'/>")
            return True
        elif element.tag == f"{{{_SM}}}a":
            self._acknowledge(int(element.get("h", "0")))
            return True
        elif element.tag in _STANZAS and self._counting:
            self._counted += 1
            if element.tag.endswith("message"):
                self._hear(element)
                return True
            return element.tag.endswith("presence")
        return False

    def _hear(self, message: Element) -> None:
        name, _, number = message.get("id", "").rpartition("-")
        flow = self._talk.flows[name]
        if message.get("type") == "error":
            flow.refused[int(number)] = items.to_text(message)
        elif flow.receiver is self:
            flow.received.append((self.sessions, int(number)))
        else:
            flow.elsewhere.add(int(number))
        self._talk.changed()

    def _acknowledge(self, handled: int) -> None:
        for _ in range(handled - self._handled):
            message = self._unacknowledged.popleft()
            if message is not None:
                message[0].acknowledged.add(message[1])
        self._handled = handled
        self._talk.changed()


class Talk:
    """All that is said in a test."""

    def __init__(self) -> None:
        self.people: list[Person] = []
        self.flows: dict[str, Flow] = {}
        self._talking: dict[Flow, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()

    def add(self, account: Account, places: Iterable[Member], resource: str = "here") -> Person:
        person = Person(self, account, list(places), resource)
        self.people.append(person)
        return person

    async def come(self, *people: Person) -> None:
        for person in people:
            person.come()
        await self.until(lambda: all(p.ready for p in people), "everybody's log-in")

    def begin(self, sender: Person, receiver: Person) -> Flow:
        """He talks to the other from now on."""
        flow = Flow(f"flow{len(self.flows)}", sender, receiver)
        self.flows[flow.name] = flow
        self._go_on(flow)
        return flow

    def begin_all(self, people: Iterable[Person]) -> list[Flow]:
        """Each to each other."""
        people = list(people)
        return [self.begin(a, b) for a in people for b in people if a is not b]

    def _go_on(self, flow: Flow) -> None:
        async def pump() -> None:
            while True:
                if flow.sender.ready:
                    flow.sender.say(flow)
                await asyncio.sleep(_PACE_S)

        self._talking[flow] = asyncio.get_running_loop().create_task(pump())

    async def progress(self, flows: Iterable[Flow], messages: int = 3) -> None:
        """Until so many messages of each of these have come that were said after this call."""
        goals = {flow: flow.sent + messages - 1 for flow in flows}
        await self.until(
            lambda: all(any(n >= goal for _, n in flow.received[-20:])
                        for flow, goal in goals.items()),
            "progress of all of " + ", ".join(map(str, goals)))

    async def acknowledged(self, flow: Flow, messages: int = 10) -> None:
        """Until so many more have been acknowledged, whether the other is there or not."""
        goal = flow.sent + messages
        await self.until(lambda: len(flow.acknowledged) >= goal, f"acknowledgements of {flow}")

    @staticmethod
    def doubt(flows: Iterable[Flow]) -> None:
        """A node has died: what was on its way may be lost or not, and comes again in any case."""
        for flow in flows:
            flow.doubtful |= set(range(flow.sent)) - flow.acknowledged

    async def end(self, maybe_twice: Iterable[Flow] = ()) -> None:
        """Everybody stops talking, all of it has come, and there was nothing wrong with it."""
        await self.pause(*self.flows.values())
        for flow in self.flows.values():
            await self.until(lambda: flow.sender.ready, f"return of {flow.sender}")
            flow.sender.say(flow)  # what was to come before it has come, or comes never
        await self._all_has_come()
        for flow in set(self.flows.values()) - set(maybe_twice):
            flow.check()

    async def pause(self, *flows: Flow) -> None:
        for flow in flows:
            if (task := self._talking.pop(flow, None)) is not None:
                task.cancel()

    async def _all_has_come(self) -> None:
        await self.until(lambda: all(p.idle for p in self.people), "acknowledgement of everything")
        await self.until(lambda: not any(f.missing() for f in self.flows.values()),
                         "everything that was acknowledged")

    def changed(self) -> None:
        self._changed.set()

    async def until(self, holds: Callable[[], object], what: str) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                while not holds():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"no {what}\n{self.report()}") from None

    def report(self) -> str:
        lines = [f"{p}: ready {p.ready}, idle {p.idle}, sessions {p.sessions},"
                 f" losses {p.losses[-5:]}, failures {p.failures[-5:]}" for p in self.people]
        for flow in self.flows.values():
            lines.append(f"{flow}: acknowledged {len(flow.acknowledged)}, missing"
                         f" {_runs(sorted(flow.missing()))}, refused"
                         f" {list(flow.refused.items())[:3]}, heard {flow.heard()}")
        return "\n".join(lines)

    async def close(self) -> None:
        await self.pause(*self.flows.values())
        await asyncio.gather(*(person.end() for person in self.people))


@asynccontextmanager
async def talking() -> AsyncIterator[Talk]:
    """A talk of which all connections end with it."""
    talk = Talk()
    try:
        yield talk
    finally:
        await talk.close()
