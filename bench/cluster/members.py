"""What is wanted of a cluster, whosever it is."""

from __future__ import annotations

import itertools
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

PASSWORD = "secret"
USERS = 500


@dataclass(frozen=True)
class Accounts:
    """u0, u1, ...; those in a row, in groups of `contacts` and one more, know each other."""

    users: int = USERS
    contacts: int = 0


class Members(Protocol):
    """Of one cluster on this machine, numbered from 0 in the order in which they joined."""

    name: str
    database: int | None  # the process of a database that they share

    def version(self) -> str: ...

    def start(self, number: int) -> None:
        """A member joins; returns when it serves. One that was killed joins again."""

    def kill(self, number: int) -> None:
        """SIGKILL."""

    def leave(self, number: int) -> None:
        """In order, as its makers advise; returns when its process has ended."""

    def address(self, number: int) -> tuple[str, int]:
        """Of the port for clients."""

    def pid(self, number: int) -> int: ...

    def assert_home(self, user: str, number: int) -> None:
        """The account is served by this member, if it is by one."""

    def wait_until_known(self, number: int, by: int) -> None:
        """Returns when the member `by` lists the other as one that serves."""

    def wait_until_gone(self, number: int, by: int) -> None:
        """Returns when it does not any more."""

    def close(self) -> None:
        """Stops all."""


def wait_until_agreed(members: Members, count: int) -> None:
    """All serve, and all know that."""
    for number, by in itertools.permutations(range(count), 2):
        members.wait_until_known(number, by)


def children_of(pid: int) -> list[int]:
    return [int(child) for path in Path(f"/proc/{pid}/task").glob("*/children")
            for child in path.read_text().split()]


def freeze(pid: int) -> None:
    """The process and its children: as if its machine were gone, since nobody ends its
    connections."""
    os.kill(pid, signal.SIGSTOP)
    for child in children_of(pid):
        freeze(child)
