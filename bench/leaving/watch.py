"""How much of a core each node takes, its nats-server included, second by second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from statistics import median

from servers.base import cpu_seconds

_EVERY_S = 1.0


class Watch:
    """Of those that it is told to watch."""

    def __init__(self, pid: Callable[[int], int]) -> None:
        self._pid = pid
        self._pids: dict[int, int] = {}
        self._taken: list[tuple[float, int, float]] = []  # when, which node, cores
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def add(self, *numbers: int) -> None:
        with self._lock:
            self._pids |= {number: self._pid(number) for number in numbers}

    def remove(self, number: int) -> None:
        """Before it leaves."""
        with self._lock:
            self._pids.pop(number)

    def _run(self) -> None:
        before: dict[int, float] = {}
        last = time.monotonic()
        while not self._ended.wait(_EVERY_S):
            with self._lock:
                pids = set(self._pids.items())
            now = time.monotonic()
            spent = {pid: cpu_seconds(pid) for _, pid in pids}
            self._taken += [(now, number, (spent[pid] - before[pid]) / (now - last))
                            for number, pid in pids if pid in before]
            before, last = spent, now

    def usual(self, until: float) -> float:
        """Of one node, in the middle."""
        return median(cores for when, _, cores in self._taken if when <= until)

    def peak(self, since: float) -> float:
        """The most of any in a second."""
        return max(cores for when, _, cores in self._taken if when > since)

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
