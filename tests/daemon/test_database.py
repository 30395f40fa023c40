"""A node whose accounts and archives are in PostgreSQL."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.campaigns import assert_nothing_lost
from durability.campaign import Campaign, Situation, Size
from durability.client import Pace
from harness.node import Account, Node
from harness.ports import free_port
from harness.postgres import Postgres
from servers.base import Setup
from servers.starling import Starling

ALICE = Account("alice", "example.test", "secret")


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """One that the test may stop."""
    server = Postgres(free_port())
    server.start()
    yield server
    server.close()


def test_accounts_are_in_the_database(fresh_node: Node, postgres: Postgres) -> None:
    url = postgres.new_database()
    fresh_node.config["database"] = url
    fresh_node.start()
    fresh_node.register(ALICE)
    database = url.rpartition("/")[2]
    assert postgres.query("SELECT username FROM starling.account", database) == "alice"
    assert not (fresh_node.folder / "data/starling.db").exists()
    fresh_node.restart()
    assert fresh_node.ctl("registered_users", "example.test") == ["alice"]


def test_wrong_password(fresh_node: Node, postgres: Postgres) -> None:
    """Says what is wrong, without the password."""
    postgres.new_database()
    fresh_node.config["database"] = postgres.url("postgres", password="open sesame")
    with pytest.raises(AssertionError, match="node_ready"):
        fresh_node.start()
    error = fresh_node.log.wait("start_failed")["error"]
    assert "database: " in error and "password authentication failed" in error, error
    assert "sesame" not in fresh_node.log.path.read_text()


def test_nobody_answers(fresh_node: Node) -> None:
    fresh_node.config["database"] = f"postgresql://starling@127.0.0.1:{free_port()}/starling"
    with pytest.raises(AssertionError, match="node_ready"):
        fresh_node.start()
    assert "refused" in fresh_node.log.wait("start_failed")["error"]


def test_dump_config_shows_no_password(fresh_node: Node, postgres: Postgres) -> None:
    fresh_node.config["database"] = postgres.new_database()
    fresh_node.start()
    shown = fresh_node.run_ctl("dump_config", json_output=False).stdout
    assert "postgresql://starling:(hidden)@127.0.0.1" in shown
    assert postgres.password not in shown


def test_backup_is_the_databases_affair(fresh_node: Node, postgres: Postgres) -> None:
    """There is no SQLite file to copy: pg_dump does that."""
    fresh_node.config["database"] = postgres.new_database()
    fresh_node.start()
    run = fresh_node.run_ctl("backup", str(fresh_node.folder / "backup.db"))
    assert run.returncode != 0
    assert "pg_dump" in run.stdout + run.stderr


class _OnPostgres(Starling):
    """What is killed is the database; the node lives on."""

    def __init__(self, folder: Path, postgres: Postgres, number: int) -> None:
        super().__init__(folder, Setup())
        self._postgres = postgres
        self._number = number
        self._node.config["database"] = postgres.new_database()
        self._killed = False

    def prepare(self, users: list[str], password: str, contacts: int = 0) -> None:
        self._node.start()
        for user in users:
            self._node.register(Account(user, "localhost", password))
        self._node.stop()

    def kill(self) -> None:
        self._postgres.stop(self._number)
        self._killed = True

    def start(self) -> None:
        if self._killed:
            self._postgres.start()
        else:
            super().start()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=["restart", "crash"])
def test_the_database_goes_and_comes_back(own_postgres: Postgres, tmp_path: Path,
                                          number: signal.Signals) -> None:
    """Clients that chat meanwhile wait for their acknowledgements, and get them all."""
    situation = Situation("online", Pace(window=20, rate=20.0))
    size = Size(pairs=10, kills=3, round_s=1.0)
    counts = Campaign(_OnPostgres(tmp_path / "node", own_postgres, number), situation, size).run()
    assert counts["kills"] >= size.kills
    # A slow machine may take longer to recover the database than a node waits for it, 10 s.
    assert_nothing_lost(counts, may_refuse=True)


def test_the_node_is_killed(postgres: Postgres, tmp_path: Path) -> None:
    class Killed(_OnPostgres):
        def kill(self) -> None:
            Starling.kill(self)

    situation = Situation("online", Pace(window=20, rate=20.0), drops=True)
    counts = Campaign(Killed(tmp_path / "node", postgres, 0), situation,
                      Size(pairs=10, kills=3, round_s=1.0)).run()
    assert_nothing_lost(counts)
