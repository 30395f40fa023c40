"""TLS: certificates by host, their renewal, versions, and what is made on first start."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl

import pytest

from daemon.sessions import registered, run, session
from harness.node import Node
from harness.waiting import TIMEOUT_S
from harness.xmpp.connection import client_context


def handshake(node: Node, name: str, context: ssl.SSLContext) -> ssl.SSLSocket:
    """Direct TLS; the connection is closed, what was negotiated can be asked."""
    with socket.create_connection(node.address("direct"), TIMEOUT_S) as raw:
        with context.wrap_socket(raw, server_hostname=name) as tls:
            tls.getpeercert()
            return tls


def certificate(node: Node, name: str) -> bytes:
    """Whatever the server shows for the name."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(node.address("direct"), TIMEOUT_S) as raw:
        with context.wrap_socket(raw, server_hostname=name) as tls:
            return tls.getpeercert(binary_form=True) or b""


def test_each_host_has_its_certificate(node: Node) -> None:
    for host in node.hosts:
        handshake(node, host, client_context(node.ca_file))
    first, second = (certificate(node, host) for host in node.hosts)
    assert first != second


def test_alpn_is_answered(node: Node) -> None:
    """XEP-0368: xmpp-client; who offers none of ours must not be taken for a client."""
    context = client_context(node.ca_file, direct=True)
    with socket.create_connection(node.address("direct"), TIMEOUT_S) as raw:
        with context.wrap_socket(raw, server_hostname=node.hosts[0]) as tls:
            assert tls.selected_alpn_protocol() == "xmpp-client"
    other = client_context(node.ca_file)
    other.set_alpn_protocols(["h2"])
    with pytest.raises(ssl.SSLError):
        handshake(node, node.hosts[0], other)


def test_alpn_of_a_browser_is_answered(fresh_node: Node) -> None:
    fresh_node.serve_http(tls=True)
    fresh_node.start()
    context = client_context(fresh_node.ca_file)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (socket.create_connection(fresh_node.http_address("direct"), TIMEOUT_S) as tcp,
          context.wrap_socket(tcp, server_hostname=fresh_node.hosts[0]) as tls):
        assert tls.selected_alpn_protocol() == "http/1.1"
    # Nobody is to talk HTTP to what is for XMPP, or the other way round.
    context.set_alpn_protocols(["xmpp-client"])
    with (socket.create_connection(fresh_node.http_address("direct"), TIMEOUT_S) as tcp,
          pytest.raises(ssl.SSLError)):
        context.wrap_socket(tcp, server_hostname=fresh_node.hosts[0])


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_version_is_spoken(node: Node, version: ssl.TLSVersion) -> None:
    context = client_context(node.ca_file)
    context.minimum_version = context.maximum_version = version
    handshake(node, node.hosts[0], context)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_versions_are_refused(node: Node) -> None:
    context = client_context(node.ca_file)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(node, node.hosts[0], context)


def test_certificates_are_read_again_on_sighup(fresh_node: Node) -> None:
    fresh_node.start()
    alice = registered(fresh_node)
    host = fresh_node.hosts[0]

    async def main() -> None:
        client = await session(fresh_node, alice)
        before = certificate(fresh_node, host)
        fresh_node.authority.issue(host)
        fresh_node.signal(signal.SIGHUP)
        await asyncio.to_thread(fresh_node.log.wait, "config_reloaded")
        assert certificate(fresh_node, host) != before
        await client.ping(host)
        await session(fresh_node, alice, "new")

    run(main)


def test_self_signed_certificate_is_made_once(fresh_node: Node) -> None:
    del fresh_node.config["certfiles"]
    fresh_node.start()
    first = [certificate(fresh_node, host) for host in fresh_node.hosts]
    fresh_node.restart()
    assert [certificate(fresh_node, host) for host in fresh_node.hosts] == first
