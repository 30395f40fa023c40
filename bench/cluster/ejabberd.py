"""Debian's ejabberd: nodes on loopback, each of which joins the first by `join_cluster`.

They find each other by an epmd of their own, on a port of its own.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import time
from pathlib import Path

from cluster.members import PASSWORD, Accounts
from harness.ports import free_port
from harness.waiting import TIMEOUT_S
from servers.base import Setup
from servers.ejabberd import Ejabberd

_LOOK_EVERY_S = 0.02
_JOIN_S = 30.0


class _Member(Ejabberd):
    """With a name, so that others can reach it."""

    def __init__(self, folder: Path, setup: Setup, number: int, cookie: str, epmd: int) -> None:
        super().__init__(folder, setup)
        self.node = f"ejabberd{number}@127.0.0.1"
        self._cookie = cookie
        self.environment["ERL_EPMD_PORT"] = str(epmd)
        self.flags = [*self._name(self.node),
                      "-kernel", "inet_dist_use_interface", "{127,0,0,1}"]

    def _name(self, node: str) -> list[str]:
        return ["-name", node, "-setcookie", self._cookie, "-start_epmd", "false"]

    def ctl(self, *arguments: str) -> None:
        """As ejabberdctl does it."""
        subprocess.run(
            ["erl", *self._name(f"ctl-{secrets.token_hex(4)}@127.0.0.1"), "-hidden", "-noinput",
             "-s", "ejabberd_ctl", "-extra", self.node, "--no-timeout", *arguments],
            env=os.environ | self.environment, cwd=self.folder, check=True, timeout=_JOIN_S,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def sees(self) -> list[str]:
        return list(self.command("list_cluster"))


class EjabberdMembers:
    """With Mnesia."""

    name = "ejabberd"
    database = None

    def __init__(self, folder: Path, accounts: Accounts = Accounts(),
                 archive: bool = False) -> None:
        self._folder = folder
        self._accounts = accounts
        self._setup = Setup(archive=archive)
        self._cookie = secrets.token_hex(8)
        self._members: dict[int, _Member] = {}
        self._port = free_port()
        self._epmd = subprocess.Popen(
            ["epmd", "-address", "127.0.0.1", "-port", str(self._port)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def version(self) -> str:
        return self._members[0].version()

    def start(self, number: int) -> None:
        if number in self._members:
            return self._members[number].start()
        member = _Member(self._folder / f"n{number}", self._setup, number, self._cookie,
                         self._port)
        self._members[number] = member
        if number == 0:
            member.prepare([f"u{n}" for n in range(self._accounts.users)], PASSWORD,
                           self._accounts.contacts)
        member.start()
        if number > 0:
            member.ctl("join_cluster", self._members[0].node)

    def kill(self, number: int) -> None:
        self._members[number].kill()

    def leave(self, number: int) -> None:
        by = next(member for other, member in self._members.items() if other != number)
        by.command("leave_cluster", node=self._members[number].node)
        self._members[number].wait_end()

    def address(self, number: int) -> tuple[str, int]:
        return self._members[number].address

    def pid(self, number: int) -> int:
        return self._members[number].pid()

    def assert_home(self, user: str, number: int) -> None:
        pass  # each session is served where it is connected

    def wait_until_known(self, number: int, by: int) -> None:
        self._wait(number, by, True)

    def wait_until_gone(self, number: int, by: int) -> None:
        self._wait(number, by, False)

    def _wait(self, number: int, by: int, wanted: bool) -> None:
        node = self._members[number].node
        deadline = time.monotonic() + 2 * TIMEOUT_S
        while (node in self._members[by].sees()) != wanted:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{node} is still {'not ' if wanted else ''}listed")
            time.sleep(_LOOK_EVERY_S)

    def close(self) -> None:
        try:
            for member in self._members.values():
                member.stop()
        finally:
            self._epmd.kill()
            self._epmd.wait()
