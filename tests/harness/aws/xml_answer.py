"""Values of Python as the XML of AWS's query protocols."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

from harness.aws.clock import iso


def element(name: str, value: Any, item: str = "member", namespace: str | None = None) -> str:
    """`value` may be a mapping (None in it: left out), a list (of `item`s), a time, a number, a
    text."""
    start = f'{name} xmlns="{namespace}"' if namespace else name
    return f"<{start}>{_content(value, item)}</{name}>"


def _content(value: Any, item: str) -> str:
    if isinstance(value, Mapping):
        return "".join(element(key, inner, item) for key, inner in value.items()
                       if inner is not None)
    if isinstance(value, list):
        return "".join(element(item, inner, item) for inner in value)
    if isinstance(value, bool):
        return str(value).lower()
    return escape(iso(value) if isinstance(value, datetime) else str(value))
