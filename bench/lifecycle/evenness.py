"""When nodes leave their loads as they are, and how soon they should, by src/core/balance.cc."""

from __future__ import annotations

from collections.abc import Sequence

from constants import constants

_BALANCE = constants("src/core/balance.cc")
MODES = {"gentle": 1, "eager": _BALANCE["kEager"]}  # so many times `balance.rate`
ROUND_S = _BALANCE["kRound"]  # between two looks of a node


def surplus(sessions: Sequence[int], number: int) -> int:
    """How many sessions a node begins to let go of, where they have `sessions`."""
    own, others = sessions[number], [*sessions[:number], *sessions[number + 1:]]
    share = sum(sessions) // len(sessions)
    if not others or min(others) * 100 > share * _BALANCE["kEmptier"]:
        return 0
    empty = min(others) * 100 < share * _BALANCE["kEmpty"]
    if own <= (share if empty else share * _BALANCE["kBegins"] // 100):
        return 0
    even = share * _BALANCE["kEnds"] // 100
    more = own - (even if own > even else share)
    return more if more >= _BALANCE["kFew"] else 0


def most_surplus(sessions: Sequence[int]) -> int:
    """Of any node; 0: none begins."""
    return max(surplus(sessions, number) for number in range(len(sessions)))


def reckoned_s(sessions: Sequence[int], mode: str, rate: int) -> float:
    """Until all is let go of, if `balance.rate` is all that takes time: all nodes do it at once."""
    return most_surplus(sessions) / (rate * MODES[mode])
