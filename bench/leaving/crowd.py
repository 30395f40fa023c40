"""The process of bench/load whose sessions talk, are lost and come back."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from cluster.members import PASSWORD
from servers.relay import load_folder

Figures = dict[str, float]
_LOOK_EVERY_S = 0.25
_LONGEST_S = 180.0


@dataclass(frozen=True)
class Size:
    sessions: int = 3000
    contacts: int = 4
    managed_share: float = 2 / 3
    rate: float = 500.0  # messages a second
    steady: float = 10.0  # seconds of talk before something happens, and after


QUICK = Size(sessions=300, rate=100.0, steady=3.0)


class Crowd:
    """Talking, from its making on, which takes as long as all need to log in."""

    def __init__(self, size: Size, addresses: list[str], log: Path, at_first: int = 0) -> None:
        """`addresses`: "127.0.0.1:5222"; `at_first`: so many log in for now, 0 is all."""
        command = [str(load_folder() / "load"), "--workload", "leaving", "--password", PASSWORD,
                   "--sessions", str(size.sessions), "--contacts", str(size.contacts),
                   "--managed-share", str(size.managed_share), "--rate", str(size.rate),
                   "--at-first", str(at_first)]
        for address in addresses:
            command += ["--server", address]
        self._log = log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE,
                                             stdout=subprocess.PIPE, stderr=errors)
        try:
            self._read()
        except BaseException:
            self.kill()
            raise

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.kill()

    def _read(self) -> Figures:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(self.said() or f"load ended with {self._process.wait()}")
        figures: Figures = json.loads(line)
        return figures

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()

    def _ask(self, word: str) -> Figures:
        self._say(word)
        return self._read()

    def state(self) -> Figures:
        """How many are there, and what has become of what they said."""
        return self._ask("state")

    def want(self, sessions: int) -> None:
        """So many are to be there from now on."""
        self._say(f"sessions {sessions}")

    def connect_to(self, addresses: list[str]) -> None:
        """From now on, when they connect again."""
        self._say("servers " + ",".join(addresses))

    def wait_until_back(self) -> None:
        """All that have lost their stream have one again."""
        deadline = time.monotonic() + _LONGEST_S
        while self.state()["away"] > 0:
            if time.monotonic() > deadline:
                raise RuntimeError("they do not all come back")
            time.sleep(_LOOK_EVERY_S)

    def end(self) -> Figures:
        """Nobody talks any more, and all look for what they miss; what was found."""
        return self._ask("end")

    def said(self) -> str:
        """Why streams were lost, how often, and what came twice or not at all."""
        return self._log.read_text(errors="replace").strip()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
