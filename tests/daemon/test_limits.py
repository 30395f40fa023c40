"""Limits of a listener: file descriptors, connections, and what a proxy says."""

from __future__ import annotations

import contextlib
import resource
import socket

from daemon.sessions import registered, run, session
from harness.node import Address, Node
from harness.waiting import TIMEOUT_S


def test_out_of_file_descriptors_accepting_pauses_and_goes_on(fresh_node: Node) -> None:
    fresh_node.launcher = ["prlimit", "--nofile=200:200"]
    fresh_node.start()
    address = fresh_node.address()
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft > 400, "this test needs some file descriptors itself"
    with contextlib.ExitStack() as opened:
        for _ in range(250):
            opened.enter_context(socket.create_connection(address, TIMEOUT_S))
        paused = fresh_node.log.wait("accepting_paused")
        assert paused["port"] == address.port
        assert 0 < paused["connections"] < 200
        # The operator, the store and who is in are not concerned.
        account = registered(fresh_node)
        assert fresh_node.ctl("registered_users", account.host) == [account.user]
    fresh_node.log.wait("accepting_resumed")
    for name in ("accepting_paused", "accepting_resumed"):
        events = [e for e in fresh_node.log.events if e.get("event") == name]
        assert len(events) == 1, events

    async def main() -> None:
        alice = await session(fresh_node, account)
        await alice.ping(account.host)

    run(main)


def header(node: Node) -> bytes:
    return (f"<?xml version='1.0'?><stream:stream to='{node.hosts[0]}' version='1.0'"
            " xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>").encode()


def talk(address: Address, words: bytes) -> bytes:
    """What the server says to that until it ends the connection."""
    with socket.create_connection(address, TIMEOUT_S) as peer:
        peer.sendall(words)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := peer.recv(65_536):
                answer += piece
    return answer


def test_too_many_connections_are_closed_until_one_ends(fresh_node: Node) -> None:
    fresh_node.config["listen"][0]["max_connections"] = 1
    fresh_node.start()
    address = fresh_node.address()
    with socket.create_connection(address, TIMEOUT_S) as first:
        first.sendall(header(fresh_node))
        assert first.recv(1)
        assert talk(address, b"") == b""
        refused = fresh_node.log.wait("connection_refused")
        assert (refused["reason"], refused["limit"]) == ("max_connections", 1)
    fresh_node.log.wait("connection_lost")
    assert b"<stream:features>" in talk(address, header(fresh_node) + b"</stream:stream>")


def test_proxy_says_who_the_client_is(fresh_node: Node) -> None:
    fresh_node.config["listen"][0] |= {"use_proxy_protocol": True,
                                       "trusted_proxies": ["127.0.0.1"]}
    fresh_node.start()
    words = b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 5222\r\n" + header(fresh_node) + b"<!-- -->"
    assert b"<restricted-xml" in talk(fresh_node.address(), words)
    assert fresh_node.log.wait("stream_error")["remote"] == "192.0.2.7:4711"
    assert talk(fresh_node.address(), header(fresh_node)) == b""
    fresh_node.log.wait("proxy_header_invalid", lambda e: e["error"] == "not a PROXY header")


def test_proxy_that_is_not_trusted_is_closed(fresh_node: Node) -> None:
    fresh_node.config["listen"][0] |= {"use_proxy_protocol": True,
                                       "trusted_proxies": ["192.0.2.0/24"]}
    fresh_node.start()
    assert talk(fresh_node.address(), b"PROXY UNKNOWN\r\n" + header(fresh_node)) == b""
    fresh_node.log.wait("proxy_header_invalid",
                        lambda e: e["error"] == "not one of trusted_proxies")
