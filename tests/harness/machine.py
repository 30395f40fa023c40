"""A copy of this machine that a test may change: its files, behind an overlay, and a network
without anybody else. Gone when it is closed, or when this process ends. Needs root.

Mounted below / is only what a machine has at least: /proc, /dev, an empty /run and an empty /tmp.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from harness.waiting import TIMEOUT_S

# Lives until nobody holds its standard input.
_SET_UP = """
set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/changes" "$1/work" "$1/root"
mount -t overlay overlay -o lowerdir=/,upperdir="$1/changes",workdir="$1/work" "$1/root"
mount --rbind /proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
mount -t tmpfs tmpfs "$1/root/run"
mount -t tmpfs -o mode=1777 tmpfs "$1/root/tmp"
ip link set lo up
exec chroot "$1/root" sh -c 'echo ready; exec cat'
"""


class Unavailable(Exception):
    """This process may not make such a copy."""


class Machine:
    def __init__(self) -> None:
        self._place = tempfile.TemporaryDirectory(prefix="machine-")
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "--net", "bash", "-c", _SET_UP, "bash", self._place.name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self._holder.stdout is not None and self._holder.stderr is not None
        if self._holder.stdout.readline() != b"ready\n":
            why = self._holder.stderr.read().decode().strip()
            self.close()
            raise Unavailable(f"an overlay of this machine needs root: {why}")
        assert self.path("/").stat().st_dev != Path("/").stat().st_dev

    def path(self, name: str) -> Path:
        """Of a file by its name there, as this process sees it. Symbolic links with absolute names
        lead astray."""
        return Path(f"/proc/{self._holder.pid}/root") / name.lstrip("/")

    def command(self, *command: str) -> list[str]:
        """Becomes this command, there."""
        return ["nsenter", f"--target={self._holder.pid}", "--mount", "--net", "--root", "--wd=/",
                *command]

    def try_run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*command), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=TIMEOUT_S, check=False)

    def run(self, *command: str) -> str:
        """What it prints; it must succeed."""
        done = self.try_run(*command)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def close(self) -> None:
        assert self._holder.stdin is not None
        self._holder.stdin.close()
        self._holder.wait(TIMEOUT_S)
        self._place.cleanup()
