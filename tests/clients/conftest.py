"""Fixtures for the client programs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from clients.driver import ChatClient, Kind, node_kind, python_kind, strophe_kind, strophejs_kind
from harness.node import Account, Node

Start = Callable[..., ChatClient]


@pytest.fixture(scope="session")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Kind]:
    found = [python_kind(), node_kind(), strophejs_kind(),
             strophe_kind(tmp_path_factory.mktemp("strophe"))]
    return {kind.name: kind for kind in found}


@pytest.fixture
def start(kinds: dict[str, Kind], node: Node, tmp_path: Path) -> Iterator[Start]:
    """Starts a client program; all of them are gone after the test."""
    serial = itertools.count(1)
    with ExitStack() as running:
        def start_one(kind: str, account: Account, tls: str = "starttls",
                      ca_file: Path | None = None) -> ChatClient:
            client = ChatClient(kinds[kind], account, node.address(tls), tls,
                                ca_file or node.ca_file, tmp_path / f"{kind}-{next(serial)}.log")
            return running.enter_context(client)

        yield start_one
