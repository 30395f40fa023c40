"""Every dialogue goes as it is written: wherever accounts and archives are kept, and over however
many nodes its participants are spread."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conftest import HOSTS
from harness.authority import Authority
from harness.cluster import Cluster
from harness.node import Node


@pytest.fixture(scope="session", params=["sqlite", "postgres", "cluster"])
def nodes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory,
          authority: Authority) -> Iterator[list[Node]]:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "sqlite":
        servers = [Node(folder / "node", authority, HOSTS)]
        servers[0].start()
        yield servers
        servers[0].stop()
        return
    database = request.getfixturevalue("postgres").new_database()
    size = 1 if request.param == "postgres" else 3
    cluster = Cluster(folder, authority, HOSTS, database, size)
    cluster.start()
    yield cluster.nodes
    cluster.stop()
