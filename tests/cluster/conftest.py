"""A network of hosts, a database server on one of them, and clusters on the others.

All tests of this folder run on the network's host for clients.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cluster.site import HASTY, Site
from harness.authority import Authority
from harness.network import Host, Network, Unavailable
from harness.postgres import Postgres


@pytest.fixture(scope="package")
def network() -> Iterator[Network]:
    try:
        net = Network()
        clients = net.add("clients")
    except Unavailable as error:
        pytest.skip(str(error))
    with clients.entered():
        yield net
    net.close()


@pytest.fixture(scope="package")
def database(network: Network) -> Iterator[Postgres]:
    host = network.add("database")
    server = Postgres(5432, host.ip_address, host.launcher)
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="package")
def hosts(network: Network) -> list[Host]:
    return [network.add(f"host{n}") for n in range(1, 7)]


@pytest.fixture(autouse=True)
def healed(network: Network) -> Iterator[None]:
    """Whatever becomes of a test, the next one's network is whole."""
    yield
    network.heal()


def _site(size: int, request: pytest.FixtureRequest, **timing: int) -> Iterator[Site]:
    folder = request.getfixturevalue("tmp_path_factory").mktemp("site")
    authority: Authority = request.getfixturevalue("authority")
    hosts = request.getfixturevalue("hosts")
    site = Site(folder, authority, request.getfixturevalue("network"), hosts,
                request.getfixturevalue("database"), **timing)
    members = [site.add(hosts[n]) for n in range(size)]
    site.start(members)
    yield site
    site.stop()


@pytest.fixture(scope="module")
def three(request: pytest.FixtureRequest) -> Iterator[Site]:
    """Nodes with the default times, started together; each test leaves them as it found them."""
    yield from _site(3, request)


@pytest.fixture(scope="module")
def five(request: pytest.FixtureRequest) -> Iterator[Site]:
    """The same, with much shorter times."""
    yield from _site(5, request, **HASTY)
