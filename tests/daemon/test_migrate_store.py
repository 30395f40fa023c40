"""starlingctl migrate_store: from SQLite to PostgreSQL."""

from __future__ import annotations

import subprocess
from pathlib import Path

from daemon.sessions import registered
from harness.node import Node, build_folder
from harness.postgres import Postgres


def migrate(node: Node, url: str) -> subprocess.CompletedProcess[str]:
    return node.run_ctl("migrate_store", node.config["data_dir"], url, json_output=False)


def grown(node: Node) -> None:
    """With accounts, a contact and an archive; stopped."""
    node.start()
    alice, bob = registered(node, "alice"), registered(node, "bob")
    node.ctl("add_rosteritem", alice.user, alice.host, bob.user, bob.host, "Bob", "friends", "both")
    for number in range(20):
        node.ctl("send_message", "chat", alice.jid, bob.jid, "", f"message {number}")
    node.stop()


def everything(node: Node) -> list[object]:
    return [node.ctl("registered_users", node.hosts[0]),
            node.ctl("get_roster", "alice", node.hosts[0]),
            node.ctl("get_mam_count", "alice", node.hosts[0])]


def half_migrated(node: Node, postgres: Postgres, sql: str) -> str:
    """The URL of a database that is marked as not complete, and lacks what `sql` changes."""
    grown(node)
    url = postgres.new_database()
    assert migrate(node, url).returncode == 0
    postgres.query(f"CREATE TABLE starling.migrating (); {sql}", url.rpartition("/")[2])
    return url


def test_everything_is_there_afterwards(fresh_node: Node, postgres: Postgres) -> None:
    grown(fresh_node)
    fresh_node.start()
    before = everything(fresh_node)
    fresh_node.stop()
    fresh_node.config["database"] = postgres.new_database()
    done = migrate(fresh_node, fresh_node.config["database"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "checksums: equal" in done.stdout
    fresh_node.start()
    assert everything(fresh_node) == before


def test_the_url_may_be_in_a_file(fresh_node: Node, postgres: Postgres, tmp_path: Path) -> None:
    grown(fresh_node)
    file = tmp_path / "url"
    file.write_text(postgres.new_database() + "\n")
    assert migrate(fresh_node, str(file)).returncode == 0


def test_a_running_node_is_not_migrated(fresh_node: Node, postgres: Postgres) -> None:
    fresh_node.start()
    done = migrate(fresh_node, postgres.new_database())
    assert done.returncode == 1
    assert str(fresh_node.pid) in done.stderr


def test_a_database_in_use_is_refused(fresh_node: Node, postgres: Postgres) -> None:
    grown(fresh_node)
    url = postgres.new_database()
    assert migrate(fresh_node, url).returncode == 0
    again = migrate(fresh_node, url)
    assert again.returncode == 1
    assert "is in use" in again.stderr


def test_interrupted_it_goes_on(fresh_node: Node, postgres: Postgres) -> None:
    """No node starts on it meanwhile; the second time finishes it."""
    # As it is when it was killed in the middle of the last table.
    url = half_migrated(
        fresh_node, postgres,
        "DELETE FROM starling.log_entry WHERE (owner, id) IN (SELECT owner, id FROM"
        " starling.log_entry ORDER BY owner DESC, log DESC, id DESC LIMIT 15)")
    fresh_node.config["database"] = url
    config = fresh_node.write_config()
    refused = subprocess.run([str(build_folder() / "starlingd"), "--config", str(config)],
                             capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 1
    assert "migrate_store" in refused.stderr
    done = migrate(fresh_node, url)
    assert done.returncode == 0, done.stderr
    fresh_node.start()


def test_a_difference_is_found(fresh_node: Node, postgres: Postgres) -> None:
    url = half_migrated(fresh_node, postgres,
                        "UPDATE starling.log_entry SET value = 'x' WHERE id ="
                        " (SELECT min(id) FROM starling.log_entry)")
    done = migrate(fresh_node, url)
    assert done.returncode == 1
    assert "differs from the source" in done.stderr
