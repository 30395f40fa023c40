"""The plain relay of bench/load, as if it were a server: what the machine allows at best."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from servers.base import Setup, cpu_seconds

_ROOT = Path(__file__).resolve().parents[2]


def load_folder() -> Path:
    """Where relay and load are built: $LOAD_BUILD, relative to the top folder."""
    return _ROOT / os.environ.get("LOAD_BUILD", "build/bench/bench/load")


class Relay:
    """It has no accounts, and no archive."""

    name = "relay"

    def __init__(self, folder: Path, setup: Setup) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._command = [str(load_folder() / "relay")]
        if setup.certificate is not None:
            self._command += ["--tls", str(setup.certificate)]
        self._process: subprocess.Popen[bytes] | None = None
        self.address = ("127.0.0.1", 0)

    def version(self) -> str:
        return "the relay"

    def prepare(self, users: list[str], password: str, contacts: int = 0) -> None:
        pass

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL,
                                         stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.address = ("127.0.0.1", int(self._process.stdout.readline()))

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    stop = kill

    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.pid())
