"""A name server on a loopback port that knows what a test tells it."""

from __future__ import annotations

import ipaddress
import socket
import struct
import threading
from typing import Any

A, AAAA, SRV = 1, 28, 33
_NO_SUCH_NAME = 3


def _wire(name: str) -> bytes:
    labels = [label.encode() for label in name.strip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _data(kind: int, value: Any) -> bytes:
    if kind == SRV:
        priority, weight, port, target = value
        return struct.pack("!HHH", priority, weight, port) + _wire(target)
    return ipaddress.ip_address(value).packed


class NameServer:
    """Answers by UDP from `records`: {(name, kind): [values]}, SRV as (prio, weight, port, target).

    A name in `silent` is never answered.
    """

    def __init__(self, records: dict[tuple[str, int], list[Any]] | None = None) -> None:
        self.records = records or {}
        self.silent: set[str] = set()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> NameServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Closing alone does not wake recvfrom.
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            query, sender = self._socket.recvfrom(4096)
            if not query:
                return
            if answer := self._answer(query):
                self._socket.sendto(answer, sender)

    def _answer(self, query: bytes) -> bytes:
        number = query[:2]
        labels, at = [], 12
        while length := query[at]:
            labels.append(query[at + 1:at + 1 + length].decode())
            at += 1 + length
        kind = struct.unpack("!H", query[at + 1:at + 3])[0]
        question = query[12:at + 5]
        name = ".".join(labels).lower()
        if name in self.silent:
            return b""
        values = self.records.get((name, kind), [])
        known = any(other == name for other, _ in self.records)
        flags = 0x8180 | (0 if known else _NO_SUCH_NAME)
        header = number + struct.pack("!HHHHH", flags, 1, len(values), 0, 0)
        records = b""
        for value in values:
            data = _data(kind, value)
            records += _wire(name) + struct.pack("!HHIH", kind, 1, 60, len(data)) + data
        return header + question + records
