"""How long until a new member serves and is known, and until a lost one is noticed."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from statistics import median

from cluster.loads import Figures
from cluster.members import PASSWORD, Members, freeze
from cluster.session import Session, first_log_in

_NEW = 2  # the third
_OTHERS = (0, 1)
_AWAY = "u10"  # is sent a message that nobody is there to take
_RETURN = [f"u{number}" for number in range(11, 19)]
_NEWCOMERS = [f"u{number}" for number in range(20, 44)]  # were connected nowhere
_ARRIVAL_S = 5.0


class _Watch:
    """Many things that are waited for at once, and when each came, in seconds since the start."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._began = time.monotonic()

    def when(self, wait: Callable[[], object]) -> Future[float]:
        def run() -> float:
            wait()
            return time.monotonic() - self._began

        return self._pool.submit(run)


def join(members: Members) -> Figures:
    """The third joins a cluster of two."""
    with ThreadPoolExecutor() as pool:
        watch = _Watch(pool)
        members.start(_NEW)
        served = watch.when(
            lambda: first_log_in(members.address(_NEW), "u1", PASSWORD, "first").close())
        known = [watch.when(lambda by=by: members.wait_until_known(_NEW, by)) for by in _OTHERS]
        return {"serves": served.result(), "known": max(one.result() for one in known)}


def lose(members: Members, is_frozen: bool) -> Figures:
    """The third is killed, or only silent; people were connected to it."""
    there = [first_log_in(members.address(_NEW), user, PASSWORD, "phone")
             for user in (_AWAY, *_RETURN)]
    for session in there:
        session.become_available()
    members.assert_home(_AWAY, _NEW)
    sender = Session(members.address(0), "u0", PASSWORD, "desk")
    with ThreadPoolExecutor(1 + len(_OTHERS) + len(_RETURN) + len(_NEWCOMERS)) as pool:
        pid = members.pid(_NEW)
        watch = _Watch(pool)
        if is_frozen:
            freeze(pid)
        else:
            members.kill(_NEW)
        sender.send_message(_AWAY)
        acknowledged = watch.when(sender.wait_until_acknowledged)
        gone = [watch.when(lambda by=by: members.wait_until_gone(_NEW, by)) for by in _OTHERS]
        back, new = ([watch.when(lambda user=user: first_log_in(
            members.address(0), user, PASSWORD, "phone").close()) for user in users]
            for users in (_RETURN, _NEWCOMERS))
        figures = {"gone": max(one.result() for one in gone),
                   "acknowledged": acknowledged.result(),
                   "back": max(one.result() for one in back),
                   "new": median(one.result() for one in new),
                   "last_new": max(one.result() for one in new)}
    figures["arrived"] = float(_arrives(members))
    sender.close()
    if is_frozen:
        members.kill(_NEW)
    return figures


def _arrives(members: Members) -> bool:
    """What was sent when nobody was there, at the next log-in."""
    session = first_log_in(members.address(0), _AWAY, PASSWORD, "phone")
    session.become_available()
    try:
        return session.receives_message(_ARRIVAL_S)
    finally:
        session.close()
