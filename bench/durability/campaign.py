"""One situation on one server: talk, kill, restart, again and again; then count what is where."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from durability.archive import ArchiveReader
from durability.client import Client, Pace
from durability.ledger import Ledger
from durability.loop import Loop
from durability.syncs import SyncCounter
from servers.base import START_TIMEOUT_S, Server

_PATIENCE_S = 60.0  # without any progress; a server that stands still for longer has failed
_QUIET_S = 3.0  # nothing new for so long: nothing more will come
_LOGGING_IN = 40  # clients at a time
_READING = 20  # archives at a time
_ENOUGH = 50  # messages for a mean
_DROPPED = 0.05  # of the clients lose their connection in each round, and resume


@dataclass(frozen=True)
class Situation:
    """What the clients do while the server is killed."""

    name: str
    pace: Pace
    receivers_online: bool = True
    drops: bool = False


SITUATIONS = {s.name: s for s in (
    Situation("online", Pace(window=5, rate=0.5), drops=True),
    Situation("saturated", Pace(window=5)),
    Situation("offline", Pace(window=5, rate=1.0), receivers_online=False))}


@dataclass(frozen=True)
class Size:
    """How much of it."""

    pairs: int = 200
    kills: int = 5
    round_s: float = 4.0  # the longest time from log-in to kill
    spare: bool = False  # no kill: the control, in which nobody should lose anything
    seed: int = 1
    syncs: bool = False  # count them, in a time of their own


class Unfinished(Exception):
    """Something that must happen did not."""


class Campaign:
    """`run` it once."""

    def __init__(self, server: Server, situation: Situation, size: Size) -> None:
        self._server = server
        self._situation = situation
        self._size = size
        self._random = random.Random(size.seed)
        self._loop = Loop()
        self._ledger = Ledger(2 * size.pairs)
        self._clients = [Client(self._loop, self._ledger, n, "secret")
                         for n in range(2 * size.pairs)]
        self._wanted: list[Client] = []  # those that are to be connected
        self._address: tuple[str, int] | None = None
        self._steady = [0.0, 0.0, 0.0]  # of the time measured: messages, CPU seconds, seconds
        self._syncs: float | None = None
        self._kills = 0
        self._loop.tick = self._tick

    def run(self) -> dict[str, Any]:
        started = time.monotonic()
        senders = self._clients if self._situation.receivers_online else self._clients[::2]
        receivers = self._clients if self._situation.receivers_online else self._clients[1::2]
        self._server.prepare([c.user for c in self._clients], "secret")
        try:
            self._start()
            self._talk(senders)
            self._finish(senders)
            self._collect(receivers)
        finally:
            for client in self._clients:
                client.drop()
            self._server.stop()
        return self._result(time.monotonic() - started)

    # -- phases

    def _talk(self, senders: list[Client]) -> None:
        self._wanted = senders
        for number in range(self._size.kills):
            if number % 4 == 3:
                # Before all of them are back.
                self._wait_for_log_in(self._random.uniform(0.1, 0.9))
            else:
                self._wait_for_log_in()
                self._set_pace(self._situation.pace)
                self._talk_for(self._random.uniform(0.05, 1) * self._size.round_s)
            self._kill()
            self._set_pace(None)  # log in, and send again what was not acknowledged
        self._wait("acknowledgement of what was sent again", self._all_acknowledged)
        self._set_pace(self._situation.pace)
        self._loop.run_for(self._size.round_s / 4)
        self._measure()

    def _talk_for(self, seconds: float) -> None:
        self._loop.run_for(seconds / 2)
        if self._situation.drops:
            for client in self._random.sample(self._wanted, int(_DROPPED * len(self._wanted))):
                client.drop()
        self._loop.run_for(seconds / 2)

    def _measure(self) -> None:
        def state() -> tuple[float, float, float]:
            return self._ledger.acknowledged, self._server.cpu_seconds(), time.monotonic()

        before = state()
        self._loop.run_for(2 * self._size.round_s)
        self._steady = [a - b for a, b in zip(state(), before, strict=True)]
        if self._size.syncs and SyncCounter.is_available():
            counter, first = SyncCounter(self._server.pid()), self._ledger.acknowledged
            self._loop.run_for(self._size.round_s / 2)
            acknowledged = self._ledger.acknowledged - first
            syncs = counter.stop()
            if acknowledged >= _ENOUGH:
                self._syncs = round(syncs / acknowledged, 3)

    def _finish(self, senders: list[Client]) -> None:
        """Everything is acknowledged; all say good-bye."""
        self._set_pace(None)
        self._wait("acknowledgement of everything", self._all_acknowledged)
        if self._situation.receivers_online:
            self._until_quiet()
        self._wanted = []
        for client in senders:
            client.close()
        self._wait("end of the streams", lambda: not any(c.connected for c in senders))

    def _collect(self, receivers: list[Client]) -> None:
        """What is offered at log-in, and what is in the archives."""
        self._wanted = receivers
        if not self._situation.receivers_online:
            self._wait_for_log_in(self._random.uniform(0.2, 0.8))
            self._kill()
        self._wait_for_log_in()
        self._until_quiet()
        waiting, readers = list(receivers), list[ArchiveReader]()

        def all_read() -> bool:
            reading = sum(not r.done for r in readers)
            while waiting and reading < _READING:
                readers.append(ArchiveReader(waiting.pop(), self._ledger))
                reading += 1
            return reading == 0

        self._wait("reading of the archives", all_read)

    # -- steps

    def _ready(self) -> int:
        return sum(c.ready for c in self._wanted)

    def _all_acknowledged(self) -> bool:
        return all(c.idle for c in self._wanted)

    def _tick(self, now: float) -> None:
        if self._address is not None:
            room = _LOGGING_IN - sum(c.connected and not c.ready for c in self._wanted)
            for client in self._wanted:
                if room > 0 and not client.connected:
                    client.connect(self._address)
                    room -= 1
        for client in self._wanted:
            client.pump(now)

    def _start(self, before: Callable[[], None] = lambda: None) -> None:
        """In a thread: the clients go on meanwhile, and read what a killed server had written."""
        failed: list[BaseException] = []

        def start() -> None:
            try:
                before()
                self._server.start()
            except BaseException as error:  # noqa: BLE001
                failed.append(error)

        thread = threading.Thread(target=start)
        thread.start()
        self._loop.run_until(lambda: not thread.is_alive(), 2 * START_TIMEOUT_S)
        if failed:
            raise failed[0]
        self._address = self._server.address

    def _kill(self) -> None:
        """And starts it again."""
        if self._size.spare:
            return
        moment = self._random.uniform(0, 5 * Loop.TICK_S)  # clients send at ticks; this is at none

        def kill() -> None:
            time.sleep(moment)
            self._server.kill()

        self._kills += 1
        self._address = None
        self._start(kill)

    def _set_pace(self, pace: Pace | None) -> None:
        for client in self._wanted:
            client.pace = pace

    def _wait_for_log_in(self, share: float = 1.0) -> None:
        self._wait("log-in", lambda: self._ready() >= share * len(self._wanted))

    def _wait(self, what: str, condition: Callable[[], bool]) -> None:
        """As long as there is progress of any kind."""
        def progress() -> tuple[int, ...]:
            return (self._ready(), self._ledger.acknowledged, self._receptions(),
                    sum(ids.total() for ids in self._ledger.archive_ids))

        before = None
        while not self._loop.run_until(condition, _PATIENCE_S):
            if (now := progress()) == before:
                raise Unfinished(f"{self._server.name}, {self._situation.name}: no {what}; "
                                 f"{dict(self._ledger.faults)}")
            before = now

    def _receptions(self) -> int:
        return sum(f.received.total() for f in self._ledger.flows)

    def _until_quiet(self) -> None:
        """Until everything has been received, or nothing more comes."""
        before = -1
        while (now := self._receptions()) > before:
            before = now
            if self._loop.run_until(self._ledger.all_received, _QUIET_S):
                return

    def _result(self, seconds: float) -> dict[str, Any]:
        messages, cpu, steady = self._steady
        return {
            **self._ledger.totals(),
            "kills": self._kills,
            "sessions": sum(c.sessions for c in self._clients),
            "resumed": sum(c.resumed for c in self._clients),
            "messages_per_s": round(messages / steady) if steady else 0,
            "cpu_us_per_message": round(cpu / messages * 1e6) if messages else 0,
            "cpu_cores": round(cpu / steady, 2) if steady else 0,
            **({} if self._syncs is None else {"syncs_per_message": self._syncs}),
            "faults": dict(self._ledger.faults),
            "seconds": round(seconds, 1),
        }
