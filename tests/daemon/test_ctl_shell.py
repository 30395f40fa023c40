"""starlingctl in a shell: passwords that nobody sees, and completion."""

from __future__ import annotations

import os
import pty
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.node import Account, Node, build_folder


def ctl(node: Node, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(build_folder() / "starlingctl"), "--socket", str(node.socket), *arguments],
        input=stdin, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("last", [[], ["-"]])
def test_a_password_is_read_from_standard_input(
        node: Node, new_account: Callable[..., Account], last: list[str]) -> None:
    account = new_account()
    name = (account.user, account.host)
    done = ctl(node, "change_password", *name, *last, stdin="from a pipe\nnot this\n")
    assert done.returncode == 0, done.stderr
    assert ctl(node, "check_password", *name, *last, stdin="from a pipe").returncode == 0
    assert ctl(node, "check_password", *name, *last, stdin="another").returncode == 1
    empty = ctl(node, "check_password", *name, *last, stdin="")
    assert (empty.returncode, empty.stdout) == (2, "")
    assert "no password on standard input" in empty.stderr


def on_terminal(node: Node, arguments: list[str], typed: list[str]) -> tuple[int, str]:
    """Runs it on a terminal, where each line is typed when it has been asked for."""
    pid, terminal = pty.fork()
    if pid == 0:
        program = str(build_folder() / "starlingctl")
        os.execv(program, [program, "--socket", str(node.socket), *arguments])
    shown = b""
    for line in typed:
        asked = shown.count(b": ")
        while shown.count(b": ") <= asked:
            shown += os.read(terminal, 1024)
        os.write(terminal, line.encode())
    try:
        while data := os.read(terminal, 1024):
            shown += data
    except OSError:  # the other side is closed
        pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def test_a_password_is_asked_for_without_echo(
        node: Node, new_account: Callable[..., Account]) -> None:
    account = new_account()
    name = [account.user, account.host]
    code, shown = on_terminal(node, ["change_password", *name], ["typed\n", "typed\n"])
    assert (code, "typed" in shown) == (0, False), shown
    code, shown = on_terminal(node, ["check_password", *name], ["typed\n"])
    assert code == 0, shown
    code, shown = on_terminal(node, ["change_password", *name], ["one\n", "two\n"])
    assert (code, "differ" in shown) == (2, True), shown
    code, shown = on_terminal(node, ["check_password", *name], ["\x03"])
    assert code == 128 + signal.SIGINT, shown


def test_a_password_in_the_arguments_is_wiped(tmp_path: Path) -> None:
    """While it waits for a node that does not answer, as in a socket's queue."""
    import socket  # pylint: disable=import-outside-toplevel
    path = tmp_path / "silent.sock"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen(1)
        with subprocess.Popen([str(build_folder() / "starlingctl"), "--socket", str(path),
                               "register", "alice", "example.test", "hunter2"],
                              stderr=subprocess.DEVNULL) as running:
            peer, _ = silent.accept()
            with peer:
                assert b"hunter2" in peer.recv(4096)  # it has begun
                line = Path(f"/proc/{running.pid}/cmdline").read_bytes()
                environment = Path(f"/proc/{running.pid}/environ").read_bytes()
            running.kill()
    assert b"register" in line
    assert b"hunter2" not in line
    assert b"hunter2" not in environment


_COMPLETE = """
eval "$(starlingctl completion bash)"
COMP_WORDS=("$@")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_starlingctl
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completions(node: Node, folder: Path, *words: str) -> list[str]:
    environment = {**os.environ, "STARLING_CTL_SOCKET": str(node.socket),
                   "STARLING_COMPLETION_TIMEOUT": "60",
                   "PATH": f"{build_folder().resolve()}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", _COMPLETE, "bash", "starlingctl", *words], cwd=folder,
                          env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes(node: Node, tmp_path: Path) -> None:
    (tmp_path / "some.db").touch()
    for words, expected in (
            (["chang"], ["change_password"]),
            (["connected_users_"], ["connected_users_info", "connected_users_number",
                                    "connected_users_vhost"]),
            (["--so"], ["--socket"]),
            (["--format", "j"], ["json"]),
            (["help", "unban_"], ["unban_account", "unban_ip"]),
            (["completion", ""], ["bash", "zsh"]),
            (["registered_users", "ex"], ["example.test"]),
            (["--socket", str(node.socket), "register", "alice", ""], node.hosts),
            (["register", "al"], []),
            (["set_loglevel", "w"], ["warning"]),
            (["set_loglevel", "debug", "sto"], ["store"]),
            (["add_rosteritem", "a", "h", "b", "h", "n", "g", "b"], ["both"]),
            (["backup", "so"], ["some.db"]),
            (["status", ""], [])):
        assert completions(node, tmp_path, *words) == expected, words
    assert "status" in completions(node, tmp_path, "")


def test_hosts_without_a_node_complete_to_nothing(fresh_node: Node, tmp_path: Path) -> None:
    assert completions(fresh_node, tmp_path, "registered_users", "") == []


def test_completion_for_other_shells() -> None:
    program = str(build_folder() / "starlingctl")
    script = subprocess.run([program, "completion", "zsh"], capture_output=True, text=True,
                            check=True).stdout
    assert script.startswith("#compdef starlingctl")
    if zsh := shutil.which("zsh"):
        subprocess.run([zsh, "-n"], input=script, text=True, check=True)
    other = subprocess.run([program, "completion", "fish"], capture_output=True, text=True,
                           check=False)
    assert (other.returncode, other.stdout) == (2, "")
