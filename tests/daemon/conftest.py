"""Fixtures for the tests of daemons."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import HOSTS

from harness.authority import Authority
from harness.cluster import Cluster
from harness.postgres import Postgres


@pytest.fixture
def stopped_pair(tmp_path: Path, authority: Authority, postgres: Postgres) -> Iterator[Cluster]:
    """Two nodes of a cluster that the test configures and starts itself."""
    cluster = Cluster(tmp_path, authority, HOSTS, postgres.new_database(), 2)
    yield cluster
    cluster.stop()


@pytest.fixture
def pair(stopped_pair: Cluster) -> Cluster:
    stopped_pair.start()
    return stopped_pair
