"""Servers of one field, side by side, and the load that is put on them in turn."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from harness.node import build_folder
from servers import catalogue
from servers.base import Server, Setup
from servers.relay import Relay, load_folder
from speed.rows import Field, Row, Size

_PASSWORD = "secret"
_LONGEST_S = 1800.0
_FILLING = 100  # messages under way at a time


class Failed(Exception):
    """A server or the load gave up; the text says why."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def held(field: Field) -> dict[str, float]:
    """The figures of bench/held."""
    program = build_folder() / "bench/held/held_sessions"
    run = subprocess.run([str(program), "--sessions", str(field.held), "--messages",
                          str(field.messages)], capture_output=True, text=True,
                         timeout=_LONGEST_S, check=False)
    if run.returncode != 0:
        raise Failed(run.stderr.strip()[-200:] or f"held_sessions ended with {run.returncode}")
    say(f"    starling: {run.stdout.strip()}")
    result: dict[str, float] = json.loads(run.stdout)
    return result


class Contest:
    """All of them run until `close`; one that failed stays out."""

    def __init__(self, field: Field, names: list[str], folder: Path, certificate: Path) -> None:
        self._field = field
        self.failures: dict[str, str] = {}
        self.versions: dict[str, str] = {}
        self._servers: dict[str, Server] = {}
        users = [f"u{number}" for number in range(field.accounts)]
        for name in names:
            setup = Setup(archive=field.archive, certificate=certificate if field.tls else None)
            server = catalogue.make(name, folder / name.replace("/", "-"), setup)
            self._servers[name] = server
            try:
                server.prepare(users, _PASSWORD, field.contacts)
                server.start()
                if field.fill:
                    self._load(server, ["--workload", "chat", "--drain", "--pairs", "1",
                                        "--window", str(_FILLING), "--messages", str(field.fill)])
                self.versions[name] = server.version()
            except (Failed, RuntimeError, AssertionError, OSError) as error:
                self._drop(name, error)
            except BaseException:
                self.close()
                raise

    def _drop(self, name: str, error: BaseException) -> None:
        say(f"  {name} failed: {error}")
        self.failures[name] = str(error).strip().splitlines()[0][:100]
        self._servers.pop(name).kill()

    def run(self, row: Row, name: str, size: Size) -> float | None:
        """The row's figure of one run; None if there is none."""
        server = self._servers.get(name)
        if server is None:
            return None
        try:
            if not row.load:
                return self._time_to_start(server)
            if row.fresh:
                server.stop()
                server.start()
            result = self._load(server, ["--warmup", str(size.warmup), "--seconds",
                                         str(size.seconds), *row.load])
        except (Failed, RuntimeError, AssertionError, OSError) as error:
            self._drop(name, error)
            return None
        return result[row.figure] * row.scale

    def _time_to_start(self, server: Server) -> float:
        server.stop()
        began = time.monotonic()
        server.start()
        return time.monotonic() - began

    def _load(self, server: Server, arguments: list[str]) -> dict[str, float]:
        is_relay = isinstance(server, Relay)
        tls = "none" if not self._field.tls else "direct" if is_relay else "starttls"
        command = [str(load_folder() / "load"), "--server", "{}:{}".format(*server.address),
                   "--server-pid", str(server.pid()), "--tls", tls, "--password", _PASSWORD,
                   *(["--protocol", "relay"] if is_relay else []), *arguments]
        run = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_S,
                             check=False)
        if run.returncode != 0:
            raise Failed(run.stderr.strip() or f"load ended with {run.returncode}")
        result: dict[str, float] = json.loads(run.stdout)
        say(f"    {server.name}: {run.stdout.strip()}")
        return result

    def close(self) -> None:
        for name in list(self._servers):
            try:
                self._servers[name].stop()
            except (RuntimeError, AssertionError, OSError, subprocess.TimeoutExpired) as error:
                self._drop(name, error)
