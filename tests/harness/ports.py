"""Ports for servers that cannot choose one themselves."""

from __future__ import annotations

import itertools
import os
import random
import socket

# Below what the kernel gives to connections and to those who bind port 0, so that none of them
# takes one between the moment it is found free here and the moment it is used. Each worker of
# pytest-xdist has its own, and another run of the tests begins elsewhere.
_FIRST, _EACH, _WORKERS = 12_000, 1_200, 16
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
_next = itertools.count(random.randrange(_EACH))


def free_port() -> int:
    """Of loopback."""
    for offset in itertools.islice(_next, _EACH):
        port = _FIRST + _worker * _EACH + offset % _EACH
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")
