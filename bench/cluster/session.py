"""A client that waits: for the sessions that are held, and the moments that are timed."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

from durability import negotiation as say
from durability.splitter import Splitter

_TIMEOUT_S = 120.0
_AGAIN_S = 0.05


class Session:
    """Bound, with stream management; until it is available, messages go past it."""

    def __init__(self, address: tuple[str, int], user: str, password: str, resource: str) -> None:
        self._sent = 0  # stanzas
        self._counted = 0  # of them, by the server
        self._has_message = False
        self._splitter = Splitter()
        self._socket = socket.create_connection(address, _TIMEOUT_S)
        self._elements = self._read()
        try:
            self._negotiate(user, password, resource)
        except BaseException:
            self._socket.close()
            raise

    def _negotiate(self, user: str, password: str, resource: str) -> None:
        self._write(say.HEADER)
        self._await(b"stream:features")
        scram = say.Scram(user, password)
        self._write(say.auth("SCRAM-SHA-1", scram.first()))
        self._write(say.response(scram.final(self._await(b"challenge"))))
        self._await(b"success")
        self._write(say.HEADER)
        self._await(b"stream:features")
        self._write(say.BIND.replace("campaign", resource))
        self._await(b"iq")
        self._write(say.ENABLE)
        self._await(b"enabled")

    def _write(self, text: str) -> None:
        self._socket.sendall(text.encode())

    def _read(self) -> Iterator[tuple[bytes, bytes]]:
        while data := self._socket.recv(1 << 16):
            yield from self._splitter.feed(data)

    def _await(self, wanted: bytes) -> bytes:
        for name, text in self._elements:
            self._has_message |= name == b"message"
            if name == wanted:
                return text
            if name in (b"failure", b"stream:error"):
                raise ConnectionError(text.decode())
        raise ConnectionError("the server closed the connection")

    def send_message(self, user: str) -> None:
        self._write(f"<message type='chat' to='{user}@{say.HOST}' id='{self._sent}'>"
                    "<body>is anybody there?</body></message>")
        self._sent += 1

    def wait_until_acknowledged(self) -> None:
        """All that was sent. A server may answer at first that it has not dealt with all of it."""
        while self._sent > self._counted:
            self._write(say.REQUEST)
            self._counted = int(say.attribute(self._await(b"a"), "h") or 0)
            if self._sent > self._counted:
                time.sleep(_AGAIN_S)

    def become_available(self) -> None:
        """Returns when the server knows it."""
        self._write("<presence/>")
        self._sent += 1
        self.wait_until_acknowledged()

    def receives_message(self, within_s: float) -> bool:
        self._socket.settimeout(within_s)
        try:
            return self._has_message or bool(self._await(b"message"))
        except OSError:
            return False

    def close(self) -> None:
        """Returns when the server has said that the session is over, if it does."""
        with contextlib.suppress(OSError):
            self._write("</stream:stream>")
            self._await(b"/stream:stream")
        self._socket.close()


def first_log_in(address: tuple[str, int], user: str, password: str, resource: str) -> Session:
    """As soon as it is possible: clients try again."""
    deadline = time.monotonic() + _TIMEOUT_S
    while True:
        try:
            return Session(address, user, password, resource)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_AGAIN_S)
