"""What the daemon's process and log look like from outside, before and after an attack."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from abuse.chat import Chat
from harness.node import Event, Node
from harness.waiting import TIMEOUT_S

SANITIZED = "san" in os.environ.get("STARLING_BUILD", "")
# Lines that belong to the life of any client; what else names an address is about an attack.
_NORMAL = {"authenticated", "session_bound", "session_closed", "session_detached",
           "tls_established"}


class Watch:
    """Compares the daemon with what it was when this object was made."""

    def __init__(self, node: Node, chat: Chat) -> None:
        self._node = node
        self._chat = chat
        self._first_event = len(node.log.events)
        self._descriptors = self.descriptors()
        self._resident = 0
        self.remember_memory()

    def remember_memory(self) -> None:
        """From now on memory is compared with what it is now."""
        self._resident = self._resident_now()

    def _resident_now(self) -> int:
        """Bytes of memory (VmRSS)."""
        status = Path(f"/proc/{self._node.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self._node.pid}/fd"))

    def events(self, name: str) -> list[Event]:
        """The lines of that name since then."""
        return [event for event in self._node.log.events[self._first_event:]
                if event["event"] == name]

    def lines(self, remote: str) -> list[Event]:
        """What the log has said since then about this remote address ("ip:port", or "ip:")."""
        return [event for event in self._node.log.events[self._first_event:]
                if str(event.get("remote", "")).startswith(remote)
                and event["event"] not in _NORMAL]

    def until(self, condition: Callable[[], object], what: str) -> None:
        """The chat goes on until the condition holds."""
        deadline = time.monotonic() + TIMEOUT_S
        while not condition():
            assert time.monotonic() < deadline, f"{what}; the log's end:\n{self._node.log.tail()}"
            self._chat.progress(0)

    def one_line(self, remote: str) -> Event:
        """The one line about the remote address, as soon as it is there."""
        self.until(lambda: self.lines(remote), f"no line about {remote}")
        lines = self.lines(remote)
        assert len(lines) == 1, lines
        return lines[0]

    def connections_gone(self) -> None:
        self.until(lambda: self.descriptors() <= self._descriptors, "descriptors stay open")

    def grown(self) -> int:
        """Bytes of memory more than before."""
        return self._resident_now() - self._resident

    def memory_flat(self, bound: int) -> None:
        """Not with sanitizers, which keep what was freed for a while."""
        assert SANITIZED or self.grown() <= bound, f"{self.grown()} bytes more than before"
