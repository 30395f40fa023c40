"""Every dialogue goes as it is written, wherever accounts and archives are kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conftest import HOSTS
from harness.authority import Authority
from harness.node import Node


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def node(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory,
         authority: Authority) -> Iterator[Node]:
    shared = Node(tmp_path_factory.mktemp("node"), authority, HOSTS)
    if request.param == "postgres":
        shared.config["database"] = request.getfixturevalue("postgres").new_database()
    shared.start()
    yield shared
    shared.stop()
