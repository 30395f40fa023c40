"""An epoll loop for some hundred sockets of one thread."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from typing import Protocol


class Handler(Protocol):
    """Whoever has a socket in the loop."""

    def on_readable(self) -> None: ...

    def on_writable(self) -> None: ...


class Loop:
    """Turns until a condition holds; meanwhile it calls `tick` about every 10 ms."""

    TICK_S = 0.01

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._handlers: dict[int, Handler] = {}
        self.tick: Callable[[float], None] = lambda _: None
        self._next_tick = 0.0

    def add(self, sock: socket.socket, handler: Handler) -> None:
        self._handlers[sock.fileno()] = handler
        self._epoll.register(sock, select.EPOLLIN | select.EPOLLOUT)

    def watch_writable(self, sock: socket.socket, wanted: bool) -> None:
        self._epoll.modify(sock, select.EPOLLIN | (select.EPOLLOUT if wanted else 0))

    def remove(self, sock: socket.socket) -> None:
        self._epoll.unregister(sock)
        del self._handlers[sock.fileno()]

    def turn(self) -> bool:
        """Whether it was a turn with a tick."""
        now = time.monotonic()
        for fd, events in self._epoll.poll(max(0.0, self._next_tick - now)):
            # Handlers of the same turn may have closed it.
            if events & ~select.EPOLLOUT and fd in self._handlers:
                self._handlers[fd].on_readable()
            if events & select.EPOLLOUT and fd in self._handlers:
                self._handlers[fd].on_writable()
        now = time.monotonic()
        if now < self._next_tick:
            return False
        self._next_tick = now + self.TICK_S
        self.tick(now)
        return True

    def run_until(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Whether the condition came to hold in time; it is looked at after each tick."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                return False
            while not self.turn():
                pass
        return True

    def run_for(self, seconds: float) -> None:
        self.run_until(lambda: False, seconds)
