"""What every campaign of bench/durability must come to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def assert_nothing_lost(counts: Mapping[str, Any], may_refuse: bool = False) -> None:
    """Something was sent, and all of it acknowledged, received and archived, once and in order.
    `may_refuse`: or answered by an error, so that its sender knows."""
    assert counts["acknowledged"] == counts["sent"] > 0
    wanted = ["not_received", "not_in_archive", "archive_id_twice", "disorder"]
    for what in wanted if may_refuse else [*wanted, "refused"]:
        assert counts[what] == 0, (what, counts)
