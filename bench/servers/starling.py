"""Starling as the tests start it, with its defaults."""

from __future__ import annotations

import sqlite3
import subprocess
import time
from pathlib import Path

from harness.authority import Authority
from harness.node import Node, build_folder
from servers.accounts import HOST, keys, rosters
from servers.base import Setup, cpu_seconds


class Starling:
    """The build that $STARLING_BUILD names. Its archive is always on: senders can ask for none."""

    name = "starling"

    def __init__(self, folder: Path, setup: Setup) -> None:
        # As quiet as the others are set to be, but for the lines by which it is known to be ready.
        self._node = Node(folder, Authority(folder / "authority"), [HOST], loglevel="warning",
                          log_levels={"starlingd": "info"})
        self._node.config["listen"] = [{"port": 0, "ip": "127.0.0.1", "module": "c2s",
                                        "starttls_required": setup.certificate is not None}]
        if setup.certificate is not None:
            self._node.config["certfiles"] = [str(setup.certificate)]
        self.address = ("127.0.0.1", 0)

    def version(self) -> str:
        run = subprocess.run([str(build_folder() / "starlingd"), "--version"],
                             capture_output=True, text=True, check=True)
        return f"Starling {run.stdout.strip()}"

    def prepare(self, users: list[str], password: str, contacts: int = 0) -> None:
        self._node.start()  # makes the database
        self._node.stop()
        derived = keys(password)
        with sqlite3.connect(self._node.folder / "data/starling.db") as db:
            db.executemany("INSERT INTO account VALUES (?, ?, ?)",
                           ((HOST, user, time.time_ns() // 1000) for user in users))
            db.executemany("INSERT INTO credential VALUES (?, ?, 'SCRAM-SHA-1', ?, ?, ?, ?)",
                           ((HOST, user, *derived) for user in users))
            db.executemany(
                "INSERT INTO map_entry VALUES (?, 'roster', ?, ?)",
                ((f"{user}@{HOST}", f"{other}@{HOST}", b"<item subscription='both' kept='true'/>")
                 for user, others in rosters(users, contacts) for other in others))
        db.close()

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
