"""What is noted each second."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    at: float  # seconds since the begin
    wanted: int  # sessions
    sessions: int
    desired: int  # nodes
    serving: int
    leaving: int
    utilisation: float  # per cent, of those that serve on average
    messages_per_second: float
    p50_ms: float
    p99_ms: float
    overdue: int  # messages that were acknowledged, and are not there after 20 s
    dropped: int  # sessions that could not be gone on with
    moved: int  # that were, so far
