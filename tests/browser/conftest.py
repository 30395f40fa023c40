"""Fixtures: a browser for all tests, and nodes with pages."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import HOSTS

from browser.browser import Browser
from browser.site import PICTURES, Site
from harness.authority import Authority
from harness.cluster import Cluster
from harness.node import Node, build_folder
from harness.postgres import Postgres


def pytest_configure() -> None:
    if PICTURES in os.environ:
        Path(os.environ[PICTURES]).mkdir(parents=True, exist_ok=True)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if build_folder().name in ("asan", "tsan"):
        pytest.skip("what a page asks of a node, tests/api and tests/clients ask as well")
    with Browser() as opened:
        yield opened


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Site]:
    """One node; its tests keep apart by their accounts."""
    node = Node(tmp_path_factory.mktemp("pages"), authority, HOSTS)
    site = Site([node])
    node.start()
    site.register_administrator()
    yield site
    node.stop()


@pytest.fixture
def three(tmp_path: Path, authority: Authority, postgres: Postgres) -> Iterator[Site]:
    cluster = Cluster(tmp_path, authority, HOSTS, postgres.new_database(), 3)
    site = Site(list(cluster))
    cluster.start()
    site.register_administrator()
    yield site
    cluster.stop()
