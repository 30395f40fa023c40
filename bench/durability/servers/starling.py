"""Starling as the tests start it, with its defaults; the campaign needs no TLS."""

from __future__ import annotations

import subprocess
from pathlib import Path

from durability.servers.base import cpu_seconds
from harness.authority import Authority
from harness.node import Account, Node, build_folder


class Starling:
    """The build that $STARLING_BUILD names."""

    name = "starling"

    def __init__(self, folder: Path) -> None:
        self._node = Node(folder, Authority(folder / "authority"), ["localhost"], loglevel="info")
        self._node.config["listen"] = [{"port": 0, "ip": "127.0.0.1", "module": "c2s",
                                        "starttls_required": False}]
        self.address = ("127.0.0.1", 0)

    def version(self) -> str:
        run = subprocess.run([str(build_folder() / "starlingd"), "--version"],
                             capture_output=True, text=True, check=True)
        return f"Starling {run.stdout.strip()}"

    def prepare(self, users: list[str], password: str) -> None:
        self._node.start()
        for user in users:
            self._node.register(Account(user, "localhost", password))
        self._node.stop()

    def start(self) -> None:
        self._node.start()
        address = self._node.address()
        self.address = (address.ip, address.port)

    def kill(self) -> None:
        self._node.kill()

    def stop(self) -> None:
        self._node.stop()

    def pid(self) -> int:
        return self._node.pid

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.pid())
