"""Log-ins that fail, from one address: slowed, refused, lifted by the operator."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.sessions import registered, run, session, unconnected
from harness.node import Account, Node
from harness.xmpp.client import Client, SaslFailed, Unexpected


def with_limits(node: Node, **limits: Any) -> Node:
    node.config["modules"]["fail2ban"] = {
        "slow_after": 1000, "max_failures_per_address": 5, "max_failures_per_account": 1000,
    } | limits
    node.start()
    return node


async def guess(node: Node, account: Account, ip: str = "127.0.0.1") -> Client:
    """One wrong password on a stream of its own."""
    wrong = Account(account.user, account.host, "wrong")
    client = unconnected(node, wrong)
    await client.negotiate_tls(node.address(ip=ip))
    with pytest.raises(SaslFailed, match="not-authorized"):
        await client.authenticate("SCRAM-SHA-256")
    return client


async def refusal(node: Node, account: Account) -> str:
    """What a new connection is told before it has said a word."""
    client = unconnected(node, account)
    await client.open(node.address())
    await client.expect("{http://etherx.jabber.org/streams}stream")
    error = await client.expect("{http://etherx.jabber.org/streams}error")
    return error[0].tag.rpartition("}")[2]


def test_address_is_refused_until_it_is_lifted(fresh_node: Node) -> None:
    node = with_limits(fresh_node)
    alice, bob = registered(node, "alice"), registered(node, "bob")

    async def main() -> None:
        bystander = await session(node, bob)
        for _ in range(5):
            client = await guess(node, alice)
        refused = node.log.wait("login_refused")
        assert refused["remote"] == "127.0.0.1"
        assert refused["failures"] == 5
        assert await refusal(node, alice) == "policy-violation"
        with pytest.raises((Unexpected, AssertionError, OSError)):
            await session(node, alice, tls="direct")
        # Nor does one that was open get any further; whoever is in stays in, as does elsewhere.
        with pytest.raises((SaslFailed, Unexpected, AssertionError)):
            await client.authenticate("SCRAM-SHA-256", password=alice.password)
        await bystander.ping(bystander.host)
        elsewhere = unconnected(node, alice)
        await elsewhere.connect(node.address(ip="::1"))
        await elsewhere.ping(elsewhere.host)

    run(main)


def test_account_is_locked_but_not_for_its_owner(fresh_node: Node) -> None:
    node = with_limits(fresh_node, max_failures_per_address=100, max_failures_per_account=4)
    alice = registered(node, "alice")

    async def main() -> None:
        await session(node, alice)  # from 127.0.0.1
        for _ in range(4):
            await guess(node, alice, ip="::1")
        assert node.log.wait("login_refused")["jid"] == alice.jid
        stranger = unconnected(node, alice, "stranger")
        await stranger.negotiate_tls(node.address(ip="::1"))
        with pytest.raises(SaslFailed, match="temporary-auth-failure"):
            await stranger.authenticate()
        owner = await session(node, alice, "owner")
        await owner.ping(owner.host)

    run(main)


def test_failures_are_slowed_for_that_stream_only(fresh_node: Node) -> None:
    node = with_limits(fresh_node, slow_after=2, max_delay=1, max_failures_per_address=100)
    alice, bob = registered(node, "alice"), registered(node, "bob")

    async def main() -> None:
        await guess(node, alice)
        assert not [e for e in node.log.events if e.get("event") == "login_slowed"]
        await guess(node, alice)  # answered in the end
        assert node.log.wait("login_slowed")["jid"] == alice.jid
        await session(node, bob)

    run(main)


def test_exempt_address_is_never_refused(fresh_node: Node) -> None:
    fresh_node.config["acl"] = {"trusted": {"ip": ["127.0.0.0/8"]}}
    node = with_limits(fresh_node, access="trusted")
    alice = registered(node, "alice")

    async def main() -> None:
        for _ in range(6):
            await guess(node, alice)
        await session(node, alice)

    run(main)
    assert not [e for e in node.log.events if e.get("event") == "login_refused"]
