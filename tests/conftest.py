"""Fixtures: the run's certificate authority, a shared node, a fresh node, and accounts."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.authority import Authority
from harness.node import Account, Node
from harness.ports import free_port
from harness.postgres import Postgres

HOSTS = ["example.test", "other.test"]
_serial = itertools.count(1)


def _unique(user: str) -> str:
    return f"{user}-{next(_serial)}"


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def other_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One that signed nothing of ours: who trusts only this one must refuse our servers."""
    return Authority(tmp_path_factory.mktemp("other-authority"), "Other Authority")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real server, for tests that make a database each; nobody stops it but those who start it
    again."""
    server = Postgres(free_port())
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Node]:
    """One node for all tests that need nothing special; they keep apart by their accounts."""
    shared = Node(tmp_path_factory.mktemp("node"), authority, HOSTS)
    shared.start()
    yield shared
    shared.stop()


@pytest.fixture
def fresh_node(tmp_path: Path, authority: Authority) -> Iterator[Node]:
    """A node of the test's own, not started yet, so that `config` can be changed first."""
    own = Node(tmp_path / "node", authority, HOSTS)
    yield own
    own.stop()


@pytest.fixture
def new_account(node: Node) -> Callable[..., Account]:
    """Registers an account on the shared node that no other test uses."""
    def register(user: str = "user", host: str = HOSTS[0]) -> Account:
        account = Account(_unique(user), host, secrets.token_hex(12))
        node.register(account)
        return account

    return register
