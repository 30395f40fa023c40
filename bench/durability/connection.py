"""One TCP connection of a client: non-blocking, from elements to elements."""

from __future__ import annotations

import socket
from collections.abc import Callable

from durability.loop import Loop
from durability.splitter import Element, Splitter


class Connection:
    """Reads until its end comes, which it tells once; until then it takes what is to be written."""

    def __init__(self, loop: Loop, address: tuple[str, int],
                 on_elements: Callable[[list[Element]], None],
                 on_end: Callable[[], None]) -> None:
        self._loop = loop
        self._on_elements = on_elements
        self._on_end = on_end
        self._splitter = Splitter()
        self._unwritten = b""
        self._connecting = True
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.connect_ex(address)
        loop.add(self._socket, self)
        self.open = True

    def write(self, text: str) -> None:
        if not self.open:
            return
        self._unwritten += text.encode()
        if not self._connecting:
            self._flush()

    def on_writable(self) -> None:
        self._connecting = False
        self._flush()

    def _flush(self) -> None:
        try:
            self._unwritten = self._unwritten[self._socket.send(self._unwritten):]
        except BlockingIOError:
            pass
        except OSError:
            # What the server had written before it died is still to be read.
            self._unwritten = b""
        self._loop.watch_writable(self._socket, bool(self._unwritten))

    def on_readable(self) -> None:
        try:
            data = self._socket.recv(1 << 17)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.drop()
            self._on_end()
            return
        if elements := self._splitter.feed(data):
            self._on_elements(elements)

    def drop(self) -> None:
        """Closes the socket, whatever is on its way; `on_end` is not called."""
        if self.open:
            self.open = False
            self._loop.remove(self._socket)
            self._socket.close()
