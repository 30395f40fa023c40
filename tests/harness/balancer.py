"""A load balancer: connections go to the first of several nodes that says it is healthy."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable

from harness.node import Address, Node


class Balancer:
    """Serves on a free port of loopback until it is closed. The nodes have an HTTP listener."""

    def __init__(self, nodes: Iterable[Node],
                 door: Callable[[Node], Address] = Node.address) -> None:
        """Connections go to this door of a node."""
        self._nodes = list(nodes)
        self._door = door
        self._server = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self.address = Address(*self._server.getsockname()[:2])
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        # Wakes whoever waits for it.
        self._end(self._server)
        self.cut()

    def cut(self) -> None:
        """Ends all connections that are there now."""
        for end in list(self._open):
            self._end(end)

    @staticmethod
    def _end(end: socket.socket) -> None:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, StopIteration), client:
            node = next(n for n in self._nodes if _is_healthy(n))
            with socket.create_connection(self._door(node)) as server:
                self._open |= {client, server}
                back = threading.Thread(target=_pump, args=(server, client), daemon=True)
                back.start()
                _pump(client, server)
                back.join()


def _pump(source: socket.socket, to: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            to.sendall(data)
        to.shutdown(socket.SHUT_WR)


def _is_healthy(node: Node) -> bool:
    try:
        return node.health()[0] == 200
    except OSError:
        return False
