"""What `./x bench --lifecycle` reckons, and how it says what it found."""

from __future__ import annotations

import pytest

from lifecycle.evenness import most_surplus, reckoned_s, surplus
from lifecycle.plan import Size
from lifecycle.report import INTRODUCTION, Results, text


@pytest.mark.parametrize("sessions, more", [  # as in src/core/balance_test.cc
    ((1_000, 1_000, 1_000, 0), 1_000 - 787), ((1_100, 1_000, 900), 0), ((12, 3), 0),
    ((2_000, 1_000, 1_000), 2_000 - 1_399), ((1_300, 1_000, 1_000, 1_000), 0), ((100,), 0)])
def test_surplus_is_the_servers(sessions: tuple[int, ...], more: int) -> None:
    assert surplus(sessions, 0) == more


def test_the_fuller_node_takes_longest() -> None:
    sessions = (500, 520, 0)  # 340 each, and 5 % more
    assert most_surplus(sessions) == 520 - 357
    assert reckoned_s(sessions, "gentle", 5) == pytest.approx(163 / 5)
    assert reckoned_s(sessions, "eager", 5) == pytest.approx(163 / 100)
    assert most_surplus((340, 340, 340)) == 0


def _row(page: str, title: str) -> list[str]:
    line = next(line for line in page.splitlines() if line.startswith(f"| {title}"))
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_the_table_has_a_column_for_each_number_of_sessions() -> None:
    results = Results(Size(sessions=(0, 1_000), runs=2))
    results.add(0, "gentle", {"served_s": 0.5, "told_with": 0, "gone_s": 0.2})
    for mode, even in (("gentle", 33.4), ("gentle", 31.0), ("eager", 4.0)):
        results.add(1_000, mode, {
            "served_s": even / 50, "even_reckoned_s": 30.0 if mode == "gentle" else 1.5,
            "even_s": even, "told_with": 350, "gone_s": 1.0, "back_s": 1.25, "sent": 10,
            "acknowledged": 9, "lost": 0, "resumed_p50_s": 0.1, "resumed_worst_s": even / 100})
    page = text(results)
    assert _row(page, "sessions ") == ["0", "1,000"]
    assert _row(page, "**process start") == ["0.50 s", "0.62 s (0.08–0.67)"]
    assert _row(page, "**decision → even load**, `gentle`") == ["–", "32 s (31–33)"]
    assert _row(page, "**decision → even load**, `eager`") == ["–", "4.00 s"]
    assert _row(page, "a node is told to leave") == ["0", "350"]
    assert _row(page, "… by `drain.rate`") == ["0.00 s", "0.70 s"]
    assert _row(page, "a session that moves") == ["–", "0.10 s, 0.33 s"]
    assert _row(page, "messages said") == ["–", "30, 27"]
    assert "failed" not in page and "--quick" not in page


def test_nobody_takes_a_trial_for_figures() -> None:
    results = Results(Size(), is_trial=True, failures=["30,000 sessions: too many"])
    assert "not for figures" in text(results).replace("\n", " ")
    assert "- 30,000 sessions: too many" in text(results)
    assert "{" not in INTRODUCTION
