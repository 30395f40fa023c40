"""A node comes to a cluster and gets its share of the sessions; then another is told to go."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

from cluster.members import PASSWORD, Accounts
from cluster.session import first_log_in
from cluster.starling import StarlingMembers
from leaving import crowd
from leaving.crowd import Crowd, Figures
from lifecycle.evenness import ROUND_S, most_surplus, reckoned_s
from lifecycle.plan import BALANCE_RATE, STANZAS_PER_SESSION, THERE

_NEW = THERE
_LEAVER = 1
_CONTACTS = 4
_STEADY_S = 3.0  # of talk before something happens
_LOOK_EVERY_S = 0.25
_SETTLED_S = 2 * ROUND_S + 1  # without a change, and nobody is moved any more


def accounts(sessions: int) -> Accounts:
    """And one more, whose user is the first that the new node serves: connected nowhere else."""
    return Accounts(sessions + 1, _CONTACTS)


def play(members: StarlingMembers, sessions: int, mode: str, longest_s: float,
         log: Path) -> Figures:
    """In a cluster of so many nodes as are there at first; who talks writes to `log`."""
    with ExitStack() as held:
        talking = None
        if sessions > 0:
            talking = held.enter_context(_talking(members, sessions, log))
            time.sleep(_STEADY_S)
        before = members.sessions(by=0)
        began = time.monotonic()
        figures = _come(members, f"u{sessions}")
        reckoned = reckoned_s([*before, 0], mode, BALANCE_RATE)
        if talking is not None:
            figures["even_reckoned_s"] = reckoned
            if reckoned <= longest_s:
                figures["even_s"] = _time_of_last_move(members, 2 * reckoned + 60) - began
        figures |= _go(members, talking)
        return figures | (talking.end() if talking is not None else {})


def _talking(members: StarlingMembers, sessions: int, log: Path) -> Crowd:
    size = crowd.Size(sessions, _CONTACTS, managed_share=1, rate=sessions * STANZAS_PER_SESSION)
    addresses = ["{}:{}".format(*members.address(number)) for number in range(THERE)]
    return Crowd(size, addresses, log)


def _come(members: StarlingMembers, user: str) -> Figures:
    began = time.monotonic()
    members.start(_NEW)
    session = first_log_in(members.address(_NEW), user, PASSWORD, "first")
    served = time.monotonic() - began
    session.close()
    return {"served_s": served}


def _time_of_last_move(members: StarlingMembers, longest_s: float) -> float:
    """Returns when the load is even."""
    members.wait_until_known(_NEW, by=0)
    changed, before = time.monotonic(), members.sessions(by=0)
    deadline = changed + longest_s
    while most_surplus(before) > 0 or time.monotonic() - changed < _SETTLED_S:
        if time.monotonic() > deadline:
            raise RuntimeError(f"the load does not even out: {before}")
        time.sleep(_LOOK_EVERY_S)
        if (now := members.sessions(by=0)) != before:
            changed, before = time.monotonic(), now
    return changed


def _go(members: StarlingMembers, talking: Crowd | None) -> Figures:
    there = members.sessions(by=0)[_LEAVER]
    began = time.monotonic()
    members.leave(_LEAVER)
    figures = {"told_with": float(there), "gone_s": time.monotonic() - began}
    if talking is not None:
        talking.wait_until_back()
        figures["back_s"] = time.monotonic() - began
    return figures
