"""Fixtures for the tests of the HTTP API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import HOSTS

from harness.api import Api
from harness.authority import Authority
from harness.cluster import Cluster
from harness.node import Account, Node
from harness.postgres import Postgres

ADMIN = Account("root", "example.test", "correct horse")


def with_api(node: Node) -> Node:
    """With an administrator in its configuration, and an HTTP listener. Before it starts."""
    node.serve_http()
    node.config["admins"] = [ADMIN.jid]
    return node


def token(node: Node, scopes: str = "write", days: int = 1) -> str:
    made = node.ctl("create_token", "test", scopes, str(days))
    return str(made["token"])


@pytest.fixture
def served(fresh_node: Node) -> Node:
    """A running node with an administrator of the name root."""
    with_api(fresh_node).start()
    fresh_node.register(ADMIN)
    return fresh_node


@pytest.fixture
def api(served: Node) -> Api:
    """With a token that may do all."""
    return Api(served, token(served))


@pytest.fixture
def page(served: Node) -> Api:
    """Of an administrator who has signed in."""
    signed_in = Api(served)
    assert signed_in.sign_in(ADMIN.jid, ADMIN.password).status == 200
    return signed_in


@pytest.fixture
def api_pair(tmp_path: Path, authority: Authority, postgres: Postgres) -> Iterator[Cluster]:
    """Two nodes on one database."""
    cluster = Cluster(tmp_path, authority, HOSTS, postgres.new_database(), 2)
    for node in cluster:
        with_api(node)
    cluster.start()
    cluster[0].register(ADMIN)
    yield cluster
    cluster.stop()
