"""What happens to a cluster while its users talk."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from cluster.members import Members
from cluster.starling import StarlingMembers
from leaving.crowd import Crowd, Figures, Size
from leaving.watch import Watch

_LEAVER = 1  # not the first: ejabberd's others joined that one
_BALANCED = 1.06  # of its share: Starling stops at 1.05
_LONGEST_S = 300.0


@dataclass
class Scene:
    members: Members
    count: int  # of members
    crowd: Crowd
    watch: Watch
    size: Size


def drain(scene: Scene) -> Figures:
    scene.watch.remove(_LEAVER)
    began = time.monotonic()
    scene.members.leave(_LEAVER)
    return {"took_s": time.monotonic() - began}


def kill(scene: Scene) -> Figures:
    """Until the others have removed it, too."""
    scene.watch.remove(_LEAVER)
    began = time.monotonic()
    scene.members.kill(_LEAVER)
    for number in range(scene.count):
        if number != _LEAVER:
            scene.members.wait_until_gone(_LEAVER, by=number)
    return {"took_s": time.monotonic() - began}


def grow(scene: Scene) -> Figures:
    """Until no node has clearly more than its share."""
    assert isinstance(scene.members, StarlingMembers)
    began = time.monotonic()
    scene.members.start(scene.count)
    scene.watch.add(scene.count)
    most = scene.size.sessions / (scene.count + 1) * _BALANCED
    while max(sessions := scene.members.sessions(by=0)) > most:
        if time.monotonic() > began + _LONGEST_S:
            raise RuntimeError(f"the load does not even out: {sessions}")
        time.sleep(0.5)
    return {"took_s": time.monotonic() - began, "newcomer": sessions[-1]}


def roll(scene: Scene) -> Figures:
    began = time.monotonic()
    for number in range(scene.count):
        scene.watch.remove(number)
        scene.members.leave(number)
        scene.crowd.wait_until_back()
        scene.members.start(number)
        scene.watch.add(number)
        for other in range(scene.count):
            if other != number:
                scene.members.wait_until_known(number, by=other)
        time.sleep(scene.size.steady / 2)
    return {"took_s": time.monotonic() - began}


@dataclass(frozen=True)
class Scenario:
    title: str
    happens: Callable[[Scene], Figures]


SCENARIOS = {
    "drain": Scenario("a node is told to leave", drain),
    "kill": Scenario("a node is killed", kill),
    "grow": Scenario("a node comes", grow),
    "roll": Scenario("all are restarted, one after another", roll),
}


def play(name: str, members: Members, count: int, size: Size, log: Path) -> Figures:
    """In a cluster that has been started."""
    addresses = ["{}:{}".format(*members.address(number)) for number in range(count)]
    with (Crowd(size, addresses, log) as crowd,
          closing(Watch(members.pid)) as watch):
        watch.add(*range(count))
        time.sleep(size.steady)
        began = time.monotonic()
        scene = Scene(members, count, crowd, watch, size)
        figures = SCENARIOS[name].happens(scene)
        crowd.wait_until_back()
        time.sleep(size.steady)
        figures |= {"usual_cores": watch.usual(began), "peak_cores": watch.peak(began)}
        return figures | crowd.end()
