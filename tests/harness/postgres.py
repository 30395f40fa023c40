"""A PostgreSQL server of the tests' own, in a folder of its own; on loopback by default."""

from __future__ import annotations

import itertools
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.waiting import TIMEOUT_S

_PROGRAMS = Path("/usr/lib/postgresql/15/bin")
_serial = itertools.count(1)


class Postgres:
    """As durable as its defaults make it. It runs as a user of its own: it refuses to be root."""

    def __init__(self, port: int, ip: str = "127.0.0.1", launcher: Sequence[str] = ()) -> None:
        """`launcher`: a program, with arguments, that becomes the server, there where `ip` is."""
        self.port = port
        self.ip = ip
        self._launcher = launcher
        self.password = secrets.token_hex(8)
        self._place = tempfile.TemporaryDirectory(prefix="postgres-")
        self._folder = Path(self._place.name)
        self._data = self._folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        words = self._folder / "password"
        words.write_text(self.password)
        if os.geteuid() == 0:
            shutil.chown(self._folder, "postgres")
            shutil.chown(words, "postgres")
        subprocess.run(self._as_postgres("initdb", "-D", str(self._data), "-U", "starling",
                                         "-A", "scram-sha-256", f"--pwfile={words}", "-E", "UTF8",
                                         "--locale=C.UTF-8", "--no-sync"),
                       check=True, stdout=subprocess.DEVNULL)
        with (self._data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all samenet scram-sha-256\n")  # not only from loopback

    @staticmethod
    def _as_postgres(program: str, *arguments: str) -> list[str]:
        command = [str(_PROGRAMS / program), *arguments]
        if os.geteuid() != 0:
            return command
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]

    def start(self) -> None:
        self._process = subprocess.Popen(
            [*self._launcher,
             *self._as_postgres("postgres", "-D", str(self._data), "-k", str(self._folder),
                                "-h", self.ip, "-p", str(self.port))],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=(self._folder / "log").open("ab"))
        deadline = time.monotonic() + TIMEOUT_S
        ready = [str(_PROGRAMS / "pg_isready"), "-q", "-h", self.ip, "-p", str(self.port)]
        while subprocess.run(ready, check=False).returncode != 0:
            assert self._process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < deadline, "PostgreSQL does not answer"

    def stop(self, number: int = signal.SIGINT) -> None:
        """SIGINT: in order, but waiting for nobody; SIGQUIT: at once, as after a crash."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(TIMEOUT_S)
            self._process = None

    def close(self) -> None:
        self.stop(signal.SIGQUIT)
        self._place.cleanup()

    def url(self, database: str, password: str = "") -> str:
        return (f"postgresql://starling:{password or self.password}@{self.ip}:{self.port}"
                f"/{database}")

    def query(self, sql: str, database: str = "postgres") -> str:
        run = subprocess.run([str(_PROGRAMS / "psql"), "-XAtq", self.url(database), "-c", sql],
                             capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        assert run.returncode == 0, run.stderr
        return run.stdout.strip()

    @contextmanager
    def holding(self, sql: str, database: str) -> Iterator[None]:
        """What this takes, a lock say, is held by a transaction as long as the block lasts."""
        with subprocess.Popen([str(_PROGRAMS / "psql"), "-XAtq", self.url(database)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as session:
            assert session.stdin is not None and session.stdout is not None
            session.stdin.write(f"BEGIN; {sql}; SELECT 'held';\n")
            session.stdin.flush()
            assert session.stdout.readline() == "held\n"
            yield

    def new_database(self) -> str:
        """Its URL."""
        name = f"test{next(_serial)}"
        self.query(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        return self.url(name)
