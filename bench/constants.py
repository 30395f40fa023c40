"""Numbers that the server has in its sources: read there, so that what is reckoned here by them is
never out of date."""

from __future__ import annotations

import re
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_CONSTANT = re.compile(r"\bconstexpr [\w:]+ (k\w+)(?: = |\{)([\d']+)\}?;")


def constants(path: str) -> dict[str, int]:
    """Those of one file whose value is a plain number, by their names; chrono's in its units."""
    text = (_ROOT / path).read_text()
    return {name: int(digits.replace("'", "")) for name, digits in _CONSTANT.findall(text)}
