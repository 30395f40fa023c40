"""What puts load on a cluster, and what that costs its nodes and its database."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass

from cluster.members import PASSWORD, USERS, Members, children_of
from cluster.session import Session
from servers.base import cpu_seconds
from servers.relay import load_folder

_LONGEST_S = 300.0
_REST_S = 1.0  # the sessions before are gone then
Figures = dict[str, float]


@dataclass(frozen=True)
class Size:
    runs: int = 3
    seconds: float = 5.0
    warmup: float = 2.0


QUICK = Size(runs=1, seconds=1.5, warmup=0.5)


@dataclass(frozen=True)
class Place:
    """Where those who talk are connected."""

    name: str
    title: str
    members: tuple[int, ...]  # users take one in turn
    at_home: int = 0  # of each two users, those who have another device, first, at member 0


PLACES = (
    Place("within", "both at one node", (0,)),
    Place("between", "one at each of two nodes", (0, 1)),
    Place("visitor", "the same, but one is a second device, whose first is at the other's node",
          (0, 1), 1),
    Place("visitors", "both second devices at one node, whose first are at the other", (1,), 2),
)
CHATS = tuple((pairs, window) for pairs in (2, 100) for window in (1, 8))
LOGIN_SIZES = (1, 2, 3, 5)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _seconds(pids: list[int]) -> float:
    return sum(cpu_seconds(pid) for pid in pids)


def _load(members: Members, size: Size, count: int, at: tuple[int, ...],
          arguments: list[str]) -> Figures:
    """`count` are all members, whose CPU counts; `at` are those that clients connect to."""
    command = [str(load_folder() / "load"), "--password", PASSWORD,
               "--warmup", str(size.warmup), "--seconds", str(size.seconds)]
    pids = [members.pid(number) for number in range(count)]
    for number in at:
        command += ["--server", "{}:{}".format(*members.address(number))]
    for pid in pids:
        command += ["--server-pid", str(pid)]
    if members.database is not None:
        command += ["--database-pid", str(members.database)]
    children = [child for pid in pids for child in children_of(pid)]
    before = _seconds(children), _seconds(pids)
    run = subprocess.run(command + arguments, capture_output=True, text=True,
                         timeout=_LONGEST_S, check=False)
    if run.returncode != 0:
        raise RuntimeError(run.stderr.strip() or f"load ended with {run.returncode}")
    say(f"      {run.stdout.strip()}")
    result: Figures = json.loads(run.stdout)
    # Over all of the run: log-ins and warm-up are few of it.
    result["bus_percent"] = (100 * (_seconds(children) - before[0])
                             / (_seconds(pids) - before[1]))
    return result


def _first_devices(members: Members, place: Place, pairs: int) -> Iterator[Session]:
    for number in range(2 * pairs):
        if number % 2 >= 2 - place.at_home:
            yield Session(members.address(0), f"u{number}", PASSWORD, "first")


def chat(members: Members, size: Size, place: Place, pairs: int, window: int) -> Figures:
    """In a cluster of two."""
    time.sleep(_REST_S)
    with ExitStack() as held:
        for session in _first_devices(members, place, pairs):
            held.enter_context(closing(session))
        if place.at_home > 0:
            members.assert_home("u1", 0)
        return _load(members, size, 2, place.members, [
            "--workload", "chat", "--no-store", "--pairs", str(pairs), "--window", str(window)])


def login(members: Members, size: Size, count: int) -> Figures:
    """Evenly at all of `count` members."""
    time.sleep(_REST_S)
    return _load(members, size, count, tuple(range(count)),
                 ["--workload", "login", "--sessions", str(USERS)])
