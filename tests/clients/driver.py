"""Starts and drives the client programs; README.md describes their language."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

from harness.node import Account, Address
from harness.waiting import TIMEOUT_S

FOLDER = Path(__file__).parent


class Kind(NamedTuple):
    """A client library: how its program is started, and the mechanism it is to log in with."""

    name: str
    command: list[str]
    mechanism: str


class ChatClient:
    """A running client program. Use as a context manager: it is gone afterwards."""

    def __init__(self, kind: Kind, account: Account, address: Address, tls: str, ca_file: Path,
                 log: Path, *options: str) -> None:
        self.account = account
        self.jid = f"{account.jid}/{kind.name}"
        self._name = f"{kind.name} ({tls})"
        self._log = log
        self._events: list[list[str]] = []
        self._seen: set[int] = set()
        self._changed = threading.Condition()
        self._ended = False
        with log.open("ab") as stderr:
            self._process = subprocess.Popen(
                [*kind.command, self.jid, account.password, address.ip, str(address.port), tls,
                 str(ca_file), *options],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, cwd=FOLDER)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> ChatClient:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(TIMEOUT_S)
        self._reader.join(TIMEOUT_S)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self._events.append(line.decode().rstrip("\n").split("\t"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _take(self, wanted: tuple[str, ...]) -> list[str] | None:
        for number, event in enumerate(self._events):
            if number not in self._seen and tuple(event[:len(wanted)]) == wanted:
                self._seen.add(number)
                return event
        return None

    def expect(self, *wanted: str) -> list[str]:
        """The first event not expected before that begins with these fields."""
        found: list[list[str]] = []

        def arrived() -> bool:
            if (event := self._take(wanted)) is not None:
                found.append(event)
            return bool(found) or self._ended

        with self._changed:
            self._changed.wait_for(arrived, TIMEOUT_S)
        if not found:
            came = "\n".join("  " + " ".join(event) for event in self._events)
            raise AssertionError(f"{self._name}: no {' '.join(wanted)!r}; what came:\n{came}\n"
                                 f"{self._log.read_text(errors='replace')[-3000:]}")
        return found[0]

    def tell(self, *command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(("\t".join(command) + "\n").encode())
        self._process.stdin.flush()

    def quit(self) -> None:
        """Logs out; the program must end by itself, in order."""
        self.tell("quit")
        self.expect("offline")
        code = self._process.wait(TIMEOUT_S)
        assert code == 0, f"{self._name}: exit code {code}"


def python_kind() -> Kind:
    return Kind("slixmpp", [sys.executable, str(FOLDER / "slixmpp_chat.py")], "SCRAM-SHA-512")


def node_kind() -> Kind:
    return Kind("xmppjs", ["node", str(FOLDER / "node/chat.js")], "SCRAM-SHA-1")


def strophejs_kind() -> Kind:
    return Kind("strophejs", ["node", str(FOLDER / "node/strophe.mjs")], "SCRAM-SHA-512")


def strophe_kind(build: Path) -> Kind:
    """Compiles the program into the folder."""
    program = build / "strophe-chat"
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libstrophe"], check=True,
                           capture_output=True, text=True).stdout.split()
    source = str(FOLDER / "strophe/chat.c")
    subprocess.run(["clang-19", "-std=c17", "-O1", "-Wall", "-Wextra", "-Werror", "-o",
                    str(program), source, *flags], check=True)
    return Kind("libstrophe", [str(program)], "SCRAM-SHA-512")
