"""deploy/systemd: the unit says what we want, systemd understands it, and the daemon works in it.

No systemd runs here. What the kernel enforces by seccomp, limits and capabilities is put on the
real daemon by confined.py; what needs namespaces and another user is only checked for being said.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.sessions import registered, run, session
from deploy.unit import UNIT, allowed_calls, directives
from harness.authority import Authority
from harness.node import ROOT, Node, build_folder
from harness.postgres import Postgres
from harness.waiting import TIMEOUT_S

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")

# At most this much of systemd's 10.0 (UNSAFE). What is left: the network, which a server needs,
# the clock's state, /proc/meminfo and Unix sockets.
_EXPOSURE = "1.5"
_SAID = {
    "Type": ["notify"],
    "User": ["starling"],
    "UMask": ["0077"],
    "NoNewPrivileges": ["yes"],
    "CapabilityBoundingSet": [""],
    "AmbientCapabilities": [""],
    "ProtectSystem": ["strict"],
    "ProtectHome": ["yes"],
    "PrivateTmp": ["yes"],
    "PrivateDevices": ["yes"],
    "PrivateUsers": ["yes"],
    "ProtectProc": ["invisible"],
    "ProtectKernelTunables": ["yes"],
    "ProtectKernelModules": ["yes"],
    "ProtectKernelLogs": ["yes"],
    "ProtectControlGroups": ["yes"],
    "RestrictAddressFamilies": ["AF_INET AF_INET6 AF_UNIX"],
    "RestrictNamespaces": ["yes"],
    "LockPersonality": ["yes"],
    "MemoryDenyWriteExecute": ["yes"],
    "SystemCallArchitectures": ["native"],
    "LimitCORE": ["0"],
    "StateDirectory": ["starling"],
    "StateDirectoryMode": ["0700"],
    "RuntimeDirectory": ["starling"],
    "ConfigurationDirectory": ["starling"],
    "Restart": ["on-failure"],
}
# What a break-in would reach for.
_REFUSED_CALLS = {"ptrace", "mount", "bpf", "init_module", "kexec_load", "setuid", "chroot",
                  "add_key", "clock_settime", "settimeofday", "reboot", "perf_event_open",
                  "process_vm_readv", "io_uring_setup"}


def systemd(*command: str) -> str:
    """What a tool of systemd says; it must be content."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with the program where this build has it."""
    program = (build_folder() / "starlingd").resolve()
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/usr/sbin/starlingd", str(program))
                    .replace("/usr/bin/starlingctl", str(program.parent / "starlingctl")))
    return copy


def test_every_directive_is_said() -> None:
    said = directives()
    assert {name: said.get(name) for name in _SAID} == _SAID
    assert int(said["LimitNOFILE"][0]) >= 65_536


def test_systemd_understands_the_unit(unit: Path) -> None:
    assert systemd("systemd-analyze", "verify", str(unit)).strip() == ""


def test_sandbox_leaves_little_open(unit: Path) -> None:
    systemd("systemd-analyze", "security", "--offline=yes", "--no-pager",
            f"--threshold={float(_EXPOSURE) * 10:.0f}", str(unit))


def test_dangerous_calls_are_refused() -> None:
    assert allowed_calls() & _REFUSED_CALLS == set()


def test_stopping_is_waited_for(unit: Path) -> None:
    """Longer than the node takes at most: kStreamsDeadline and kTasksDeadline."""
    node = (ROOT / "src/starlingd/node.cc").read_text()
    bounds = [int(s) for s in re.findall(r"seconds k\w+Deadline\{(\d+)\}", node)]
    assert len(bounds) == 2
    assert int(directives()["TimeoutStopSec"][0]) > sum(bounds)


def confined(*program: str) -> list[str]:
    # The module is found from tests/, whatever the current folder is.
    finder = f"import sys; sys.path.insert(0, {str(ROOT / 'tests')!r})"
    runner = "from deploy import confined; confined.main()"
    return [sys.executable, "-c", f"{finder}; {runner}", *program]


@pytest.fixture
def confined_node(tmp_path: Path, authority: Authority) -> Iterator[Node]:
    if "san" in build_folder().name:
        pytest.skip("sanitizers make calls of their own")
    node = Node(tmp_path / "node", authority, ["example.test"])
    node.launcher = confined()
    node.start()
    yield node
    node.stop()


def test_daemon_works_in_the_sandbox(confined_node: Node, tmp_path: Path) -> None:
    """A call that the filter does not know would have killed it."""
    status = Path(f"/proc/{confined_node.pid}/status").read_text()
    assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE)
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)
    assert re.search(r"^Seccomp:\s+2$", status, re.MULTILINE)

    async def chat() -> None:
        alice, bob = registered(confined_node), registered(confined_node, "bob")
        sender = await session(confined_node, alice, tls="direct")
        receiver = await session(confined_node, bob)
        sender.write(f"<message to='{bob.jid}' type='chat'><body>hi</body></message>")
        sender.write("<presence/>")
        await receiver.ping(receiver.host)

    run(chat)
    confined_node.ctl("backup", str(tmp_path / "backup.db"))
    confined_node.signal(signal.SIGHUP)
    confined_node.log.wait("config_reloaded")


def test_member_of_a_cluster_works_in_the_sandbox(confined_node: Node,
                                                  postgres: Postgres) -> None:
    """Its nats-server inherits the sandbox."""
    confined_node.stop()
    confined_node.config["database"] = postgres.new_database()
    confined_node.start()
    confined_node.log.wait("bus_connected")
    assert [node["state"] for node in confined_node.ctl("list_cluster")] == ["up"]


def test_sandbox_knows_no_other_networks() -> None:
    done = subprocess.run(confined(sys.executable, "-c", "import socket; socket.socket(16, 3)"),
                          capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert "Address family not supported" in done.stderr


@pytest.mark.parametrize("what", ["import os; os.setuid(1)",
                                  "import mmap; mmap.mmap(-1, 4096, prot=7)"])
def test_sandbox_bites(what: str) -> None:
    done = subprocess.run(confined(sys.executable, "-c", what), capture_output=True,
                          timeout=TIMEOUT_S, check=False)
    assert done.returncode == -signal.SIGSYS, done
