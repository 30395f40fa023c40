"""What users and the operator see when the database's disk, files or locks make trouble.

The durable action of these tests is a private XML set (XEP-0049), the live one a message between
two others. Everybody is logged in before the trouble begins.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest

from daemon.sessions import registered, run, session
from daemon.test_lifecycle import run_daemon
from harness.node import Account, Node
from harness.xmpp.client import Client, SaslFailed
from harness.xmpp.items import CLIENT

STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"


class People:
    """Alice, whose settings are kept on the server, and bob and carol, who chat."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.accounts = [registered(node, name) for name in ("alice", "bob", "carol")]
        self.clients: list[Client] = []
        self.stored = 0

    async def log_in(self) -> None:
        self.clients = [await session(self.node, account) for account in self.accounts]

    async def store(self) -> Element:
        """The answer to alice's wish to store something new that needs room."""
        self.stored += 1
        return await self.clients[0].ask(
            "<iq type='set' id='%s'><query xmlns='jabber:iq:private'>"
            f"<settings xmlns='urn:test'>{f'{self.stored:04}' * 12_000}</settings></query></iq>")

    async def assert_stored(self) -> None:
        answer = await self.store()
        assert answer.get("type") == "result", answer

    async def assert_refused(self) -> None:
        """An error of its own and no dropped stream."""
        answer = await self.store()
        assert answer.get("type") == "error"
        error = answer.find(f"{{{CLIENT}}}error")
        assert error is not None
        assert error.get("type") == "wait"
        assert error.find(f"{{{STANZAS}}}resource-constraint") is not None

    async def assert_chat_goes_on(self) -> None:
        bob, carol = self.clients[1:]
        bob.write(f"<message to='{carol.jid}' type='chat'><body>hello</body></message>")
        message = await carol.expect(f"{{{CLIENT}}}message")
        assert message.findtext(f"{{{CLIENT}}}body") == "hello"
        await bob.ping(bob.host)


def with_people(node: Node, scene: Callable[[People], Awaitable[None]]) -> None:
    people = People(node)

    async def main() -> None:
        await people.log_in()
        await scene(people)

    run(main)


def database(node: Node) -> Path:
    return Path(node.config["data_dir"]) / "starling.db"


def logged(node: Node, event: str, *words: str) -> None:
    """The operator finds the file, the cause and what to do."""
    error = node.log.wait(event)["error"]
    for word in (str(database(node)), *words):
        assert word in error, error


@pytest.fixture
def small_disk(fresh_node: Node) -> Iterator[Path]:
    """A file system of 4 MiB, which is the node's data_dir."""
    folder = Path(fresh_node.config["data_dir"])
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"this test mounts a file system, which is not allowed here: {done.stderr}")
    yield folder
    fresh_node.kill()  # if the test has failed before it stopped
    subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Takes all the room that is left."""
    path = folder / "filler"
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return path


# Full disk

def test_full_disk_refuses_writes_until_there_is_room(fresh_node: Node, small_disk: Path) -> None:
    fresh_node.start()

    async def scene(people: People) -> None:
        await people.assert_stored()
        filler = fill(small_disk)
        for _ in range(8):  # what is left inside the database's own files is used up first
            if (await people.store()).get("type") == "error":
                break
        await people.assert_refused()
        await people.assert_chat_goes_on()
        refused = fresh_node.run_ctl("register", "dave", fresh_node.hosts[0], "x" * 20)
        assert refused.returncode == 1
        assert "free space" in refused.stdout
        await session(fresh_node, people.accounts[1], "second")  # logging in only reads
        logged(fresh_node, "store_commit_failed", "free space")
        filler.unlink()
        await people.assert_stored()
        fresh_node.log.wait("store_recovered")

    with_people(fresh_node, scene)
    fresh_node.restart()
    assert fresh_node.ctl("registered_users", fresh_node.hosts[0]) == ["alice", "bob", "carol"]
    fresh_node.stop()


def test_start_on_a_full_disk_is_refused(fresh_node: Node, small_disk: Path) -> None:
    filler = fill(small_disk)
    done = run_daemon(fresh_node.write_config())
    assert done.returncode == 1
    assert str(database(fresh_node)) in done.stderr
    assert "free space" in done.stderr
    filler.unlink()
    fresh_node.start()
    fresh_node.stop()


# Read-only

def test_start_on_a_read_only_disk_is_refused(fresh_node: Node, small_disk: Path) -> None:
    fresh_node.start()
    registered(fresh_node)
    fresh_node.stop()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    done = run_daemon(fresh_node.write_config())
    assert done.returncode == 1
    assert str(small_disk) in done.stderr
    assert "Read-only file system" in done.stderr
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    fresh_node.start()
    assert fresh_node.ctl("registered_users", fresh_node.hosts[0]) == ["alice"]
    fresh_node.stop()


def test_files_made_read_only_while_in_use_are_still_written(fresh_node: Node) -> None:
    """Rights count when a file is opened; the node keeps its files open."""
    fresh_node.start()

    async def scene(people: People) -> None:
        await people.assert_stored()
        folder = Path(fresh_node.config["data_dir"])
        for path in folder.iterdir():
            path.chmod(0o400)
        folder.chmod(0o500)
        await people.assert_stored()
        folder.chmod(0o700)

    with_people(fresh_node, scene)


# Locked

def test_locked_database_refuses_writes_until_it_is_let_go(fresh_node: Node) -> None:
    fresh_node.start()

    async def scene(people: People) -> None:
        await people.assert_stored()
        shell = sqlite3.connect(database(fresh_node), isolation_level=None)
        shell.execute("BEGIN EXCLUSIVE")
        await people.assert_chat_goes_on()
        await people.assert_refused()  # after the node has waited for a while
        await people.assert_chat_goes_on()
        await session(fresh_node, people.accounts[1], "second")
        logged(fresh_node, "store_commit_failed", "locked by another process", "fuser")
        shell.execute("COMMIT")
        shell.close()
        await people.assert_stored()
        fresh_node.log.wait("store_recovered")

    with_people(fresh_node, scene)


# Damaged

def overwrite_from_second_page(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))


def test_start_on_a_damaged_file_is_refused_and_a_backup_mends_it(fresh_node: Node,
                                                                  tmp_path: Path) -> None:
    fresh_node.start()
    registered(fresh_node)
    backup = tmp_path / "backup.db"
    fresh_node.ctl("backup", str(backup))
    fresh_node.stop()
    database(fresh_node).write_bytes(b"\xff" * 40_000)
    done = run_daemon(fresh_node.write_config())
    assert done.returncode == 1
    for word in (str(database(fresh_node)), "damaged", "backup"):
        assert word in done.stderr
    restored = fresh_node.run_ctl("restore", str(backup), fresh_node.config["data_dir"])
    assert restored.returncode == 0, restored.stdout
    fresh_node.start()
    assert fresh_node.ctl("registered_users", fresh_node.hosts[0]) == ["alice"]


def test_file_damaged_while_in_use_refuses_only_what_needs_it(fresh_node: Node) -> None:
    fresh_node.start()
    many = [Account(f"user{n}", fresh_node.hosts[0], "x" * 12) for n in range(40)]
    for account in many:
        fresh_node.register(account)
    fresh_node.restart()  # so that all is in the file, and nothing in memory

    async def scene(people: People) -> None:
        shell = sqlite3.connect(database(fresh_node), isolation_level=None)
        shell.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shell.close()
        overwrite_from_second_page(database(fresh_node))
        refusals = []
        for account in many:
            try:
                await session(fresh_node, account)
            except SaslFailed as refusal:
                refusals.append(refusal.condition)
        assert set(refusals) == {"temporary-auth-failure"}
        await people.assert_chat_goes_on()
        logged(fresh_node, "store_read_failed", "damaged", "backup")
        assert fresh_node.run_ctl("backup", str(fresh_node.folder / "backup.db")).returncode == 1

    with_people(fresh_node, scene)


# Lost

def test_lost_folder_acknowledges_nothing_until_it_is_back(fresh_node: Node) -> None:
    fresh_node.start()
    folder = Path(fresh_node.config["data_dir"])
    elsewhere = folder.with_name("elsewhere")

    async def scene(people: People) -> None:
        await people.assert_stored()
        os.rename(folder, elsewhere)
        await people.assert_refused()
        await people.assert_chat_goes_on()
        assert fresh_node.run_ctl("register", "dave", people.accounts[0].host,
                                  "x" * 20).returncode == 1
        logged(fresh_node, "store_commit_failed", "removed or replaced")
        os.rename(elsewhere, folder)
        await people.assert_stored()
        fresh_node.log.wait("store_recovered")

    with_people(fresh_node, scene)
