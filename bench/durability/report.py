"""Results as tables, and into docs/durability.md between its two marks."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import machine

_BEGIN, _END = "<!-- results: begin -->", "<!-- results: end -->"
_ROWS = {
    "kills": "kills",
    "acknowledged": "messages acknowledged",
    "not_received": "**lost: neither received nor offered at log-in**",
    "not_in_archive": "**not in the addressee's archive**",
    "gone": "neither of the two",
    "archive_id_twice": "same archive id twice",
    "disorder": "out of order",
    "refused": "answered with an error",
    "resent": "sent again by the client",
    "archived_twice": "archived twice under two ids",
    "received_twice": "received twice",
    "resumed": "sessions resumed",
    "sessions": "sessions begun",
    "messages_per_s": "messages a second, without a kill",
    "cpu_us_per_message": "CPU of the server, µs a message",
    "syncs_per_message": "disk syncs a message",
    "seconds": "seconds, all in all",
}
Results = dict[str, dict[str, Any]]  # by "server situation"


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def table(results: Results, situation: str) -> str:
    """Servers side by side."""
    columns = [r for key, r in results.items() if key.endswith(f" {situation}")]
    lines = [_line(["", *(r["server"] for r in columns)]), _line(["---", *["---:"] * len(columns)])]
    for key, title in _ROWS.items():
        lines.append(_line([title, *(f"{r[key]:,}" if key in r else "-" for r in columns)]))
    for r in columns:
        lines += [f"\n{r['server']}: {count} × {fault}" for fault, count in r["faults"].items()]
    return "\n".join(lines)


def text(results: Results) -> str:
    versions = dict.fromkeys(r["version"] for r in results.values())
    size = next(iter(results.values()))["size"]
    parts = [f"{date.today().isoformat()}; {'; '.join(versions)}. "
             f"{machine.description()}; the clients run on the same machine. "
             f"{size['pairs']} pairs, seed {size['seed']}, at most {size['round_s']:g} s from "
             "log-in to kill."]
    for situation in dict.fromkeys(key.split(" ")[1] for key in results):
        parts.append(f"### {situation.capitalize()}\n\n{table(results, situation)}")
    return "\n\n".join(parts)


def write_into(document: Path, results: Results) -> None:
    whole = document.read_text()
    before, after = whole.split(_BEGIN)[0], whole.split(_END)[1]
    document.write_text(f"{before}{_BEGIN}\n{text(results)}\n{_END}{after}")
