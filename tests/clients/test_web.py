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
from harness.naming_proxy import NamingProxy
from harness.node import Account, Address, Node
from harness.web import BoshSession

Start = Callable[..., ChatClient]
_TLS_BELOW = {"ws": "none", "wss": "direct", "bosh": "none", "boshs": "direct"}
WEB = [("xmppjs", "ws"), ("xmppjs", "wss"), ("strophejs", "ws"), ("strophejs", "wss"),
       ("strophejs", "bosh"), ("strophejs", "boshs")]
PROXIED = "127.0.0.2"  # where every connection begins with a PROXY header


@pytest.fixture(scope="module")
def web_node(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Node]:
    node = Node(tmp_path_factory.mktemp("web-node"), authority, HOSTS)
    node.serve_http()
    node.serve_http(tls=True)
    node.serve_http(tls=True, ip=PROXIED, use_proxy_protocol=True)
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
    one.quit()
    other.quit()


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


@pytest.mark.parametrize("kind", ["xmppjs", "strophejs"])
def test_session_goes_on_when_its_websocket_is_cut(kind: str, begin: Start, web_node: Node,
                                                   relay: Balancer) -> None:
    """It connects again and resumes (XEP-0198); what was sent meanwhile comes."""
    web = begin(kind, "ws", None, relay.address, "stay")
    other = begin("slixmpp", "starttls")
    web.expect("online")
    other.expect("online")
    exchange(web, other)
    _goes_on_when_cut(web, other, relay, web_node)


def _proxied(node: Node) -> Address:
    event = node.log.wait("listening", lambda e: e.get("address") == PROXIED)
    return Address(PROXIED, event["port"])


@pytest.mark.parametrize(("kind", "transport", "client"), [
    ("xmppjs", "wss", Address("192.0.2.7", 4711)),
    ("strophejs", "wss", Address("2001:db8::7", 4711)),
    ("strophejs", "boshs", Address("192.0.2.8", 4711))])
def test_a_session_comes_from_where_the_proxy_says(kind: str, transport: str, client: Address,
                                                   begin: Start, web_node: Node) -> None:
    """Also for whoever looks at sessions, and for the log, of which fail2ban and people live."""
    with closing(NamingProxy(web_node, _proxied, client)) as proxy:
        web = begin(kind, transport, None, proxy.address)
        web.expect("online")
        (session,) = web_node.ctl("user_sessions_info", web.account.user, web.account.host)
        (listed,) = web_node.ctl("list_sessions", web.jid)["items"]
        bound = web_node.log.wait("session_bound", lambda e: e.get("jid") == web.jid)
        assert session["ip"] == listed["ip"] == client.ip
        named = f"[{client.ip}]" if ":" in client.ip else client.ip
        assert bound["remote"].rpartition(":")[0] == named
        if transport == "wss":  # BOSH comes from a port for each request
            assert session["port"] == client.port
        web.quit()


def _new_account(node: Node) -> Account:
    account = Account(f"bosh-{secrets.token_hex(4)}", HOSTS[0], secrets.token_hex(12))
    node.register(account)
    return account


@pytest.fixture
def bosh(web_node: Node) -> Iterator[Callable[[Account], BoshSession]]:
    """Makes a session over BOSH that has logged in, and not bound a resource yet. strophe.js has
    stream management over WebSocket only, so nobody is there who could do it for us."""
    with ExitStack() as open_ones:
        def log_in(account: Account) -> BoshSession:
            session = BoshSession(web_node.http_address(), account.host)
            open_ones.callback(session.end)
            session.log_in(account)
            return session

        yield log_in


def _stay_away(session: BoshSession) -> None:
    """So that its time is up soon: it has asked for a pause of one second."""
    session.send("", " pause='1'")
    session.read_answers()


def _lose_order(session: BoshSession) -> None:
    """A number of a request that cannot be ends a session (XEP-0124 section 14.1)."""
    session.close()
    session.rid += 50
    session.read_to_end()
    assert session.terminated == "item-not-found"


@pytest.mark.parametrize("leave", [_stay_away, _lose_order, BoshSession.close],
                         ids=["timed-out", "broken", "alive"])
def test_stream_goes_on_in_another_bosh_session(
        leave: Callable[[BoshSession], None], web_node: Node,
        bosh: Callable[[Account], BoshSession]) -> None:
    """XEP-0198: what was acknowledged is not told again; what was not, and what comes meanwhile,
    is, each once; whether the server knows already that the first session is lost, or not."""
    account, friend_account = _new_account(web_node), _new_account(web_node)
    first, friend = bosh(account), bosh(friend_account)
    jid, friend_jid = first.bind("here"), friend.bind("there")
    number = first.enable()
    for text in ("one", "two"):
        first.say(friend_jid, text)
        assert friend.heard() == text
    assert first.acknowledged() == 2
    friend.say(jid, "three")
    assert first.heard() == "three"
    friend.say(jid, "four")  # is on its way to somebody who does not read it
    leave(first)
    if leave is not BoshSession.close:
        web_node.log.wait("session_detached", lambda e: e.get("jid") == jid)
    friend.say(jid, "five")

    second = bosh(account)
    assert second.resume(first, number).attrib["h"] == "2"
    friend.say(jid, "six")
    assert [second.heard() for _ in range(3)] == ["four", "five", "six"]
    second.say(friend_jid, "seven")
    assert friend.heard() == "seven"
    assert second.acknowledged() == 3
    if leave is BoshSession.close:
        first.read_to_end()
        assert first.terminated is not None
