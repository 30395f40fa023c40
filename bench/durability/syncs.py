"""Counts how often a running server asks for its data to be on disk, by strace."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import tempfile

_CALLS = re.compile(r"^\s*\S+\s+\S+\s+\S+\s+(\d+)\s.*\b(?:fsync|fdatasync|msync)$", re.MULTILINE)


class SyncCounter:
    """From `start` to `stop`; slows the server, so nothing else is measured meanwhile."""

    @staticmethod
    def is_available() -> bool:
        return shutil.which("strace") is not None

    def __init__(self, pid: int) -> None:
        self._report = tempfile.NamedTemporaryFile("r")
        self._strace = subprocess.Popen(
            ["strace", "-f", "-c", "-e", "trace=fsync,fdatasync,msync", "-o", self._report.name,
             "-p", str(pid)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    def stop(self) -> int:
        """How many there were."""
        self._strace.send_signal(signal.SIGINT)
        self._strace.wait()
        with self._report as report:
            return sum(int(calls) for calls in _CALLS.findall(report.read()))
