"""What the daemon tells and asks of the system it runs on."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.node import Node
from harness.waiting import TIMEOUT_S


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The socket on which a daemon started from now on tells how it is."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(path))
        listening.settimeout(TIMEOUT_S)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        yield listening


def next_word(systemd: socket.socket, passing_over: str = "WATCHDOG=1") -> str:
    while (word := systemd.recv(4096).decode().strip()) == passing_over:
        pass
    return word


def limits(node: Node, name: str) -> tuple[str, str]:
    """Soft and hard limit of the running daemon."""
    for line in Path(f"/proc/{node.pid}/limits").read_text().splitlines():
        if line.startswith(name):
            soft, hard = line.removeprefix(name).split()[:2]
            return soft, hard
    raise AssertionError(f"no limit {name!r}")


def test_core_dumps_are_off(fresh_node: Node) -> None:
    fresh_node.start()
    assert limits(fresh_node, "Max core file size") == ("0", "0")


def test_file_limit_is_raised(fresh_node: Node) -> None:
    fresh_node.start()
    soft, hard = limits(fresh_node, "Max open files")
    assert soft == hard


def test_systemd_is_told_of_start_reload_and_end(fresh_node: Node,
                                                 systemd: socket.socket) -> None:
    fresh_node.start()
    assert next_word(systemd) == "READY=1"
    fresh_node.signal(signal.SIGHUP)
    assert next_word(systemd) == "RELOADING=1"
    assert next_word(systemd) == "READY=1"
    fresh_node.stop()
    assert next_word(systemd) == "STOPPING=1"


def test_systemd_is_told_again_and_again_that_the_workers_turn(
        fresh_node: Node, systemd: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    fresh_node.start()
    assert [next_word(systemd, passing_over="") for _ in range(4)] == \
        ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"]


def test_without_a_watchdog_nothing_is_told_of_it(fresh_node: Node,
                                                  systemd: socket.socket) -> None:
    fresh_node.start()
    fresh_node.stop()
    assert [next_word(systemd, passing_over="") for _ in range(2)] == ["READY=1", "STOPPING=1"]
