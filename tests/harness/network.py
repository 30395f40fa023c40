"""A network of the tests' own: hosts with addresses on one bridge, that can be cut from each other.

Each host is a network namespace of Linux; nothing of the machine's own network is touched or can
be reached from there. Nothing needs to be removed: namespaces without a name live as long as this
process or one in them does. Needs root, and no more than Debian's iproute2 and util-linux.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_CLONE_NEWNET = 0x40000000
_NOBODY = "02:00:00:00:00:01"  # no host of the bridge has it: what is sent there is lost
_libc = ctypes.CDLL(None, use_errno=True)


class Unavailable(Exception):
    """This process may not have networks of its own."""


def _check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Namespace:
    """Without any address at first."""

    def __init__(self) -> None:
        made: list[int | OSError] = []

        def make() -> None:  # a namespace belongs to a thread
            try:
                _check(_libc.unshare(_CLONE_NEWNET))
                made.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
            except OSError as error:
                made.append(error)

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        if isinstance(made[0], OSError):
            raise Unavailable(f"a network namespace needs root: {made[0]}")
        self._file = made[0]
        self.path = f"/proc/{os.getpid()}/fd/{self._file}"
        self.launcher = ["nsenter", f"--net={self.path}", "--"]  # becomes a program in here

    def ip(self, *commands: str) -> None:
        """Gives these to the program `ip`, in here."""
        run = subprocess.run([*self.launcher, "ip", "-batch", "-"], input="\n".join(commands),
                             capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise Unavailable(f"ip {commands}: {run.stderr.strip()}")

    @contextmanager
    def entered(self) -> Iterator[None]:
        """This thread, with the threads and processes that it starts, is in here meanwhile."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _check(_libc.setns(self._file, _CLONE_NEWNET))
            yield
        finally:
            _check(_libc.setns(before, _CLONE_NEWNET))
            os.close(before)

    def close(self) -> None:
        os.close(self._file)


class Host(Namespace):
    """One with a loopback interface and an address on the network's bridge."""

    def __init__(self, name: str, ip: str) -> None:
        super().__init__()
        self.name = name
        self.ip_address = ip

    def no_way_to(self, other: Host) -> None:
        """What this one sends there is lost, without a word. The other direction is not changed."""
        self.ip(f"neighbour replace {other.ip_address} lladdr {_NOBODY} nud permanent dev eth0")

    def way_to(self, other: Host) -> None:
        self.ip(f"neighbour del {other.ip_address} dev eth0")


class Network:
    """Hosts, each of which reaches every other until it is cut off."""

    def __init__(self, prefix: str = "10.77.0") -> None:
        self._prefix = prefix
        self._hub = Namespace()
        self._hub.ip("link add bridge type bridge", "link set bridge up")
        self._hosts: list[Host] = []
        self._cuts: set[frozenset[Host]] = set()

    def add(self, name: str) -> Host:
        host = Host(name, f"{self._prefix}.{len(self._hosts) + 10}")
        self._hosts.append(host)
        port = f"port{len(self._hosts)}"
        self._hub.ip(f"link add {port} type veth peer name eth0 netns {host.path}",
                     f"link set {port} master bridge up")
        host.ip("link set lo up", f"address add {host.ip_address}/24 dev eth0", "link set eth0 up")
        return host

    def cut(self, one: Host, other: Host) -> None:
        """Nothing gets from one to the other, or back; nobody is told."""
        self._cuts.add(frozenset((one, other)))
        one.no_way_to(other)
        other.no_way_to(one)

    def black_out(self) -> None:
        """Nothing gets anywhere; nobody is told."""
        self._hub.ip("link set bridge down")

    def heal(self) -> None:
        """All is as at first."""
        self._hub.ip("link set bridge up")
        for one, other in self._cuts:
            one.way_to(other)
            other.way_to(one)
        self._cuts.clear()

    def close(self) -> None:
        for namespace in (*self._hosts, self._hub):
            namespace.close()
