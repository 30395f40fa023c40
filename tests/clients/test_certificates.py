"""Clients that trust somebody else refuse to talk to us: so they did check us elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from clients.conftest import Start
from clients.test_chat import NAMES
from harness.authority import Authority
from harness.node import Account, Node


@pytest.mark.parametrize("tls", ["starttls", "direct"])
@pytest.mark.parametrize("name", NAMES)
def test_wrong_authority_is_refused(name: str, tls: str, start: Start, node: Node,
                                    other_authority: Authority,
                                    new_account: Callable[..., Account]) -> None:
    account = new_account()
    start(name, account, tls, other_authority.ca_file).expect("failed")
    assert account.jid not in str(node.ctl("connected_users"))


@pytest.mark.parametrize(("name", "tls"), [
    ("slixmpp", "starttls"), ("slixmpp", "direct"),
    ("xmppjs", "starttls"),  # over direct TLS it names no host, so it gets the first one's
    ("libstrophe", "starttls"), ("libstrophe", "direct"),
])
def test_certificate_follows_the_host(name: str, tls: str, start: Start,
                                      new_account: Callable[..., Account]) -> None:
    """The second host has a certificate of its own, found by SNI or by the stream's 'to'."""
    client = start(name, new_account(host="other.test"), tls)
    client.expect("online", client.jid)
    client.quit()
