"""What every campaign of bench/durability must come to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def assert_nothing_lost(counts: Mapping[str, Any]) -> None:
    """Something was sent, and all of it acknowledged, received and archived, once and in order."""
    assert counts["acknowledged"] == counts["sent"] > 0
    for what in ("not_received", "not_in_archive", "archive_id_twice", "disorder", "refused"):
        assert counts[what] == 0, (what, counts)
