"""A proxy that names the client (PROXY protocol, version 2), in front of a node that expects it."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
import threading
from collections.abc import Callable

from harness.balancer import Balancer, _pump
from harness.node import Address, Node


def header(client: Address, server: Address) -> bytes:
    """Of a TCP connection from one to the other; both are IPv4, or both IPv6."""
    ends = [ipaddress.ip_address(end.ip) for end in (client, server)]
    family = 0x11 if ends[0].version == 4 else 0x21
    body = b"".join(end.packed for end in ends) + struct.pack(">HH", client.port, server.port)
    return (b"\r\n\r\n\x00\r\nQUIT\n" + bytes([0x21, family]) + struct.pack(">H", len(body))
            + body)


class NamingProxy(Balancer):
    """Says of every connection that it comes from `client`."""

    def __init__(self, node: Node, door: Callable[[Node], Address], client: Address) -> None:
        self._header = header(client, client._replace(port=443))
        super().__init__([node], door)

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            with socket.create_connection(self._door(self._nodes[0])) as server:
                self._open |= {client, server}
                server.sendall(self._header)
                back = threading.Thread(target=_pump, args=(server, client), daemon=True)
                back.start()
                _pump(client, server)
                back.join()
