"""What is wanted of a server, and what those that are Debian's have in common."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.ports import free_port

START_TIMEOUT_S = 60.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Setup:
    """What of a server's configuration differs from one use to another."""

    storage: str = ""  # "": the server's default
    archive: bool = True  # of every message
    certificate: Path | None = None  # PEM, with its key; TLS is required then, else there is none


class Server(Protocol):
    """In a folder of its own, on free ports of 127.0.0.1; its host is `localhost`."""

    name: str
    address: tuple[str, int]  # of the port for clients, once it has started

    def version(self) -> str: ...

    def prepare(self, users: list[str], password: str, contacts: int = 0) -> None:
        """With an empty store and these accounts, durably; it is not running afterwards.

        Users in a row, in groups of `contacts` and one more, have each other in their rosters."""

    def start(self) -> None:
        """Returns when clients can log in."""

    def kill(self) -> None:
        """SIGKILL."""

    def stop(self) -> None:
        """In order, if it runs."""

    def pid(self) -> int:
        """Of its running process."""

    def cpu_seconds(self) -> float:
        """Of the running process and its children, since their start."""


def cpu_seconds(pid: int) -> float:
    """Of the process and its descendants."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        # A child is listed at the thread that made it.
        lists = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return 0.0
    own = (int(fields[11]) + int(fields[12])) / _TICKS_PER_S
    return own + sum(cpu_seconds(int(child)) for children in lists for child in children.split())


class Process:
    """A server's process, with its output in a file."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        self._log = folder / "output.log"
        with self._log.open("ab") as log:
            self._popen = subprocess.Popen(
                command, cwd=folder, env=os.environ | environment, stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT)
        self.pid = self._popen.pid

    def wait_for_port(self, port: int) -> None:
        self.wait_until(lambda: _listens(port), f"port {port}")

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not condition():
            if self._popen.poll() is not None or time.monotonic() > deadline:
                self.kill()
                end = self._log.read_text(errors="replace")[-3000:]
                raise RuntimeError(f"did not start, no {what}; {self._log} ends:\n{end}")
            time.sleep(0.02)

    def kill(self) -> None:
        self._popen.kill()
        self._popen.wait()

    def wait_end(self) -> None:
        self._popen.wait(START_TIMEOUT_S)

    def stop(self) -> None:
        self._popen.send_signal(signal.SIGTERM)
        try:
            self._popen.wait(START_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


class DebianServer:
    """A peer: a package of Debian's, whose one process is `_process` while it runs."""

    title: str  # in small letters it is the package's name

    def __init__(self) -> None:
        self._process: Process | None = None
        self.address = ("127.0.0.1", free_port())

    def version(self) -> str:
        run = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", self.title.lower()],
                             capture_output=True, text=True, check=True)
        return f"{self.title} {run.stdout}"

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process = None

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()
            self._process = None

    def wait_end(self) -> None:
        """For one that was told to end in another way than `stop`."""
        assert self._process is not None
        self._process.wait_end()
        self._process = None

    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.pid())


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
