"""Fixtures: a browser for all tests, and nodes with pages."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from browser.browser import Browser
from browser.life import Life
from browser.site import PICTURES, Site
from harness.authority import Authority
from harness.cluster import Cluster
from harness.nameserver import A, SRV, NameServer
from harness.node import Node, build_folder
from harness.postgres import Postgres


def pytest_configure() -> None:
    if PICTURES in os.environ:
        Path(os.environ[PICTURES]).mkdir(parents=True, exist_ok=True)


# Names that may stand in a picture.
HOSTS = ["example.org", "example.net"]


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
    node.config["shaper_rules"] = {"max_user_sessions": 200}
    site = Site([node])
    node.start()
    site.register_administrator()
    yield site
    node.stop()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder for nodes; its name may stand in a picture, too."""
    if PICTURES not in os.environ:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="starling-") as folder:
        yield Path(folder)


class _Lasting(Authority):
    """Its certificates, and its own, are good for months: nobody is warned."""

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__(folder, name)
        subprocess.run(["openssl", "x509", "-in", str(self.ca_file), "-out", str(self.ca_file),
                        "-days", "365", "-signkey", self._signer()[-1]],
                       check=True, capture_output=True)

    def issue(self, host: str) -> Path:
        key, certificate = (str(self._folder / f"{host}.{kind}") for kind in ("key", "crt"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec",
                        "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-sha256",
                        "-days", "83", "-subj", f"/CN={host}", "-keyout", key,
                        "-out", certificate, "-addext", "basicConstraints=critical,CA:FALSE",
                        "-addext", f"subjectAltName=DNS:{host}", *self._signer()],
                       check=True, capture_output=True)
        return self._put_together(host)


def publish(names: NameServer, node: Node) -> None:
    """The records that this node, on ports of its own, finds right."""
    for host in node.hosts:
        names.records[(host, A)] = ["127.0.0.1"]
        for service, tls in (("_xmpp-client", "starttls"), ("_xmpps-client", "direct")):
            names.records[(f"{service}._tcp.{host}", SRV)] = [(5, 0, node.address(tls).port, host)]


@pytest.fixture
def three(place: Path, postgres: Postgres) -> Iterator[Site]:
    """A cluster in good order, with life; whoever leaves it lets ten sessions a second go."""
    authority = _Lasting(place / "certificates", "Example Authority")
    cluster = Cluster(place, authority, HOSTS, postgres.new_database(), 3)
    site = Site(list(cluster))
    with ExitStack() as stack:
        for number, node in enumerate(cluster, 1):
            node.config["cluster"]["name"] = f"blue-{number}"
            node.config["drain"] = {"rate": 10}
            node.config["workers"] = 1
            node.config["shaper_rules"] = {"max_user_sessions": 200}
            node.environment["SSL_CERT_FILE"] = str(authority.ca_file)
        names = [stack.enter_context(NameServer()) for _ in cluster]
        for node, server in zip(cluster, names, strict=True):
            node.config["dns_servers"] = [server.address]
        stack.callback(cluster.stop)
        cluster.start()
        for node, server in zip(cluster, names, strict=True):
            publish(server, node)
        site.register_administrator()
        with Life(site) as site.life:
            yield site
