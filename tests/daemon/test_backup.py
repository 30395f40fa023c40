"""starlingctl backup and restore."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from daemon.sessions import registered, run, session
from harness.node import Node, build_folder
from harness.waiting import TIMEOUT_S


def restore(node: Node, file: Path) -> subprocess.CompletedProcess[str]:
    return node.run_ctl("restore", str(file), node.config["data_dir"])


def test_restored_node_has_the_accounts_of_the_backup(fresh_node: Node, tmp_path: Path) -> None:
    fresh_node.start()
    host = fresh_node.hosts[0]
    alice = registered(fresh_node)
    file = tmp_path / "backup.db"

    async def main() -> None:
        client = await session(fresh_node, alice)
        answer = fresh_node.ctl("backup", str(file))
        assert answer["file"] == str(file)
        assert answer["accounts"] == 1
        assert answer["bytes"] == file.stat().st_size
        await client.ping(client.host)

    run(main)
    assert file.stat().st_mode & 0o777 == 0o600
    registered(fresh_node, "bob")

    done = restore(fresh_node, file)
    assert done.returncode == 1, "the node runs"
    assert f"pid {fresh_node.pid}" in json.loads(done.stdout)["error"]

    fresh_node.stop()
    done = restore(fresh_node, file)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout)["result"]
    assert result["accounts"] == 1
    fresh_node.start()
    assert fresh_node.ctl("registered_users", host) == ["alice"]
    run(lambda: session(fresh_node, alice))

    fresh_node.stop()
    done = restore(fresh_node, Path(result["kept"]))
    assert done.returncode == 0, "the database of before is a backup like any other"
    fresh_node.start()
    assert fresh_node.ctl("registered_users", host) == ["alice", "bob"]


def test_file_is_named_from_where_starlingctl_is_called(fresh_node: Node, tmp_path: Path) -> None:
    fresh_node.start()
    subprocess.run([str(build_folder() / "starlingctl"), "--socket", str(fresh_node.socket),
                    "backup", "here.db"], cwd=tmp_path, timeout=TIMEOUT_S, check=True,
                   capture_output=True)
    assert (tmp_path / "here.db").exists()


def test_backup_never_replaces_a_file(fresh_node: Node, tmp_path: Path) -> None:
    fresh_node.start()
    file = tmp_path / "precious"
    file.write_text("precious")
    done = fresh_node.run_ctl("backup", str(file), json_output=False)
    assert done.returncode == 1
    assert str(file) in done.stderr
    assert file.read_text() == "precious"
    assert fresh_node.log.wait("backup_failed")["file"] == str(file)


def test_what_is_no_backup_is_refused(fresh_node: Node, tmp_path: Path) -> None:
    fresh_node.start()
    registered(fresh_node)
    fresh_node.stop()
    file = tmp_path / "backup.db"
    file.write_bytes(b"x" * 10_000)
    before = sorted(os.listdir(fresh_node.config["data_dir"]))
    for bad in (file, tmp_path / "absent"):
        done = restore(fresh_node, bad)
        assert done.returncode == 1
        assert str(bad) in json.loads(done.stdout)["error"]
    assert sorted(os.listdir(fresh_node.config["data_dir"])) == before
    fresh_node.start()
    assert fresh_node.ctl("registered_users", fresh_node.hosts[0]) == ["alice"]
