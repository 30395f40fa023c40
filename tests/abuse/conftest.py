"""One daemon for the whole campaign, a chat that goes on all the time, and a siege per test."""

from __future__ import annotations

import resource
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from abuse.chat import Chat
from abuse.siege import HASTY, PROXIED, Siege
from harness.authority import Authority
from harness.node import Account, Node

HOSTS = ["example.test", "other.test"]


@pytest.fixture(scope="package")
def target(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Node]:
    """At its end: alive, exit code 0, nothing that a sanitizer complains of."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # the daemon's as well
    node = Node(tmp_path_factory.mktemp("target"), authority, HOSTS, loglevel="info")
    hasty = {"port": 0, "ip": HASTY, "module": "c2s", "negotiation_timeout": 5}
    proxied = {"port": 0, "ip": PROXIED, "module": "c2s", "use_proxy_protocol": True}
    node.config["listen"] += [hasty, {**hasty, "tls": True}, proxied]
    node.start()
    yield node
    node.stop()


@pytest.fixture(scope="package")
def chat(target: Node) -> Iterator[Chat]:
    talk = Chat(target)
    talk.start()
    yield talk
    talk.stop()


@pytest.fixture(scope="package")
def mallory(target: Node) -> Account:
    """Whose password the attackers know."""
    account = Account("mallory", HOSTS[0], secrets.token_hex(9))
    target.register(account)
    return account


def lines_of_the_last_second(node: Node) -> int:
    now = datetime.now(UTC)
    return sum((now - datetime.fromisoformat(event["time"])).total_seconds() < 1
               for event in node.log.events[-200:])


@pytest.fixture
def siege(target: Node, chat: Chat, mallory: Account) -> Iterator[Siege]:
    # Whoever has not logged in may cause 200 lines a second and worker: those of the last test's
    # flood must not hold back the line that this test looks for.
    while lines_of_the_last_second(target) > 50:
        chat.progress(0)
    under_way = Siege(target, chat, mallory)
    yield under_way
    under_way.end()
