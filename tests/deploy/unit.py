"""Reads a systemd unit, as far as the tests ask."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path

from harness.node import ROOT

UNIT = ROOT / "deploy/systemd/starling.service"


def directives(path: Path = UNIT) -> dict[str, list[str]]:
    """The values of each directive of [Service], in their order."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in path.read_text().splitlines():
        line = line.strip()
        if line.startswith("["):
            section = line
        elif section == "[Service]" and line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


@functools.cache
def _group(name: str) -> frozenset[str]:
    """The system calls of one of systemd's groups, such as @system-service."""
    listing = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", name],
                             capture_output=True, text=True, check=True).stdout
    words = [line.strip() for line in listing.splitlines()[1:]]
    return _expand([word for word in words if word and not word.startswith("#")])


def _expand(words: list[str]) -> frozenset[str]:
    calls: set[str] = set()
    for word in words:
        calls |= _group(word) if word.startswith("@") else {word}
    return frozenset(calls)


def allowed_calls() -> frozenset[str]:
    """What SystemCallFilter leaves, as systemd.exec(5) puts the lines together."""
    calls = set(_group("@default"))
    for line in directives()["SystemCallFilter"]:
        if line.startswith("~"):
            calls -= _expand(line[1:].split())
        else:
            calls |= _expand(line.split())
    return frozenset(calls)
