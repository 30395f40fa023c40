"""Clients over WebSocket (RFC 7395) and BOSH (XEP-0124, XEP-0206), among themselves and with one
over TCP."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from conftest import HOSTS

from clients.driver import ChatClient, Kind
from clients.test_chat import exchange, subscribe
from harness.authority import Authority
from harness.balancer import Balancer
from harness.node import Account, Address, Node

Start = Callable[..., ChatClient]
_TLS_BELOW = {"ws": "none", "wss": "direct", "bosh": "none", "boshs": "direct"}
WEB = [("xmppjs", "ws"), ("xmppjs", "wss"), ("strophejs", "ws"), ("strophejs", "wss"),
       ("strophejs", "bosh"), ("strophejs", "boshs")]


@pytest.fixture(scope="module")
def web_node(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Node]:
    node = Node(tmp_path_factory.mktemp("web-node"), authority, HOSTS)
    node.serve_http()
    node.serve_http(tls=True)
    node.start()
    yield node
    node.stop()


@pytest.fixture
def begin(kinds: dict[str, Kind], web_node: Node, tmp_path: Path) -> Iterator[Start]:
    """Starts a client program with an account of its own; all of them are gone after the test."""
    with ExitStack() as running:
        def begin_one(kind: str, transport: str, account: Account | None = None,
                      address: Address | None = None, *options: str) -> ChatClient:
            if account is None:
                account = Account(f"{kind}-{secrets.token_hex(4)}", HOSTS[0], secrets.token_hex(12))
                web_node.register(account)
            address = address or (
                web_node.http_address(_TLS_BELOW[transport]) if transport in _TLS_BELOW
                else web_node.address(transport))
            client = ChatClient(kinds[kind], account, address, transport, web_node.ca_file,
                                tmp_path / f"{kind}-{secrets.token_hex(4)}.log", *options)
            return running.enter_context(client)

        yield begin_one


@pytest.mark.parametrize(("kind", "transport"), WEB)
def test_web_client_and_one_over_tcp_become_contacts_and_chat(
        kind: str, transport: str, begin: Start, kinds: dict[str, Kind]) -> None:
    web, other = begin(kind, transport), begin("slixmpp", "starttls")
    web.expect("online", web.jid, kinds[kind].mechanism)
    other.expect("online")
    subscribe(web, other)
    subscribe(other, web)
    exchange(web, other)
    exchange(other, web)
    web.quit()
    other.expect("presence", "unavailable", web.jid)
    other.quit()


def test_websocket_and_bosh(begin: Start) -> None:
    one, other = begin("strophejs", "wss"), begin("strophejs", "bosh")
    one.expect("online")
    other.expect("online")
    exchange(one, other)
    exchange(other, one)


@pytest.mark.parametrize(("kind", "transport"), WEB)
def test_wrong_password_is_refused(kind: str, transport: str, begin: Start) -> None:
    begin(kind, transport, Account("nobody", HOSTS[0], "wrong")).expect("failed")


def test_host_meta_names_both_and_any_page_may_read_it(web_node: Node) -> None:
    """XEP-0156."""
    host, port = web_node.http_address()
    status, text = web_node.get("/.well-known/host-meta.json")
    assert status == 200
    assert {link["rel"]: link["href"] for link in json.loads(text)["links"]} == {
        "urn:xmpp:alt-connections:websocket": f"ws://{host}:{port}/ws",
        "urn:xmpp:alt-connections:xbosh": f"http://{host}:{port}/bosh"}
    status, text = web_node.get("/.well-known/host-meta")
    assert status == 200
    assert f"href='ws://{host}:{port}/ws'" in text.replace('"', "'")


def _goes_on_when_cut(client: ChatClient, other: ChatClient, relay: Balancer, node: Node) -> None:
    relay.cut()
    other.tell("message", client.jid, "are you there?")
    node.log.wait("session_resumed", lambda e: e.get("jid") == client.jid)
    client.expect("message", other.jid, "are you there?")
    exchange(client, other)
    exchange(other, client)


@pytest.mark.parametrize(("before", "after"), [("ws", "starttls"), ("starttls", "ws")])
def test_session_goes_on_over_another_transport(before: str, after: str, begin: Start,
                                                web_node: Node) -> None:
    """XEP-0198 knows no transports: @xmpp/client resumes over TCP what it had over WebSocket."""
    def address(node: Node, transport: str) -> Address:
        return node.http_address() if transport == "ws" else node.address()

    with closing(Balancer([web_node], lambda node: address(node, before))) as relay:
        mover = begin("xmppjs", before, None, relay.address, "stay")
        other = begin("slixmpp", "starttls")
        mover.expect("online")
        other.expect("online")
        mover.tell("next", after, str(address(web_node, after).port))
        mover.expect("next")
        _goes_on_when_cut(mover, other, relay, web_node)


@pytest.fixture
def relay(web_node: Node) -> Iterator[Balancer]:
    relay = Balancer([web_node], Node.http_address)
    yield relay
    relay.close()


def test_session_goes_on_when_its_websocket_is_cut(begin: Start, web_node: Node,
                                                   relay: Balancer) -> None:
    """@xmpp/client connects again and resumes (XEP-0198); what was sent meanwhile comes."""
    web = begin("xmppjs", "ws", None, relay.address, "stay")
    other = begin("slixmpp", "starttls")
    web.expect("online")
    other.expect("online")
    exchange(web, other)
    _goes_on_when_cut(web, other, relay, web_node)
