"""`./x bench` says where the table of capacities promises more than was measured."""

from __future__ import annotations

import pytest

from constants import constants
from harness.node import ROOT
from speed import capacity
from speed.rows import Field, Row, Size, rows

_TABLE = constants(capacity.PATH)
_US = 1e6 / _TABLE["kStanzasPerCore"]  # a stanza may cost that much
_KIB = _TABLE["kSessionKib"] - capacity.KERNEL_KIB  # a session takes that much beside the kernel's


def _row(name: str, kind: str) -> Row:
    return Row(name, f"title of {name}", Field(), (), "figure", "unit", capacity=kind)


def _said(stanza_us: list[float], session_kib: list[float]) -> str:
    figures = {name: {"starling": values}
               for name, values in (("chat", stanza_us), ("idle", session_kib)) if values}
    return capacity.text([_row("chat", "stanzas"), _row("idle", "sessions"), _row("other", "")],
                         figures)


def test_what_was_measured_is_enough() -> None:
    text = _said([_US, _US * 0.9, _US * 1.1], [_KIB / 2])
    assert "The table promises no more than was measured." in text
    assert "**yes**" not in text and "other" not in text


@pytest.mark.parametrize("stanza_us, session_kib, broken", [
    (_US * 1.01, _KIB, "chat allows"), (_US, _KIB * 1.01, "idle allows")])
def test_the_table_promises_more(stanza_us: float, session_kib: float, broken: str) -> None:
    text = _said([stanza_us], [session_kib])
    assert f"**The table promises more than was measured: {broken}" in text
    assert text.count("**yes**") == 1


def test_what_was_not_measured_is_not_judged() -> None:
    text = _said([], [_KIB])
    assert "Not all of it was measured: chat." in text
    assert capacity.text([_row("other", "")], {}) == ""


def test_both_are_measured_by_some_row() -> None:
    assert {row.capacity for row in rows(Size())} == {"", *capacity.kinds(_TABLE)}


@pytest.mark.parametrize("page, unit", [
    ("docs/performance.md", "kStanzasPerCore"), ("docs/configuration.md", "kStanzasPerCore"),
    ("deploy/kubernetes/starling.yml", "kStanzasPerCore"), ("docs/performance.md", "kSessionKib"),
    ("docs/performance.md", "kBaseMib"), ("docs/kubernetes.md", "kSessionKib")])
def test_pages_say_what_the_table_says(page: str, unit: str) -> None:
    words = {"kStanzasPerCore": "{:,}", "kSessionKib": "{} KiB", "kBaseMib": "{} MiB"}[unit]
    assert words.format(_TABLE[unit]) in (ROOT / page).read_text()
