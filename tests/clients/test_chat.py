"""Ordinary clients become contacts and chat: each with itself, and each with each other."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from clients.conftest import Start
from clients.driver import ChatClient, Kind
from harness.node import Account

NAMES = ["slixmpp", "xmppjs", "libstrophe"]
SAME = [(name, name, tls) for name in NAMES for tls in ("starttls", "direct")]
MIXED = [(one, other, "starttls") for one, other in itertools.combinations(NAMES, 2)]


def subscribe(one: ChatClient, other: ChatClient) -> None:
    one.tell("presence", "subscribe", other.account.jid)
    other.expect("presence", "subscribe", one.account.jid)
    other.tell("presence", "subscribed", one.account.jid)
    one.expect("presence", "subscribed", other.account.jid)
    one.expect("presence", "available", other.jid)


def exchange(one: ChatClient, other: ChatClient) -> None:
    """To the bare JID, to the full JID, and more than fits into one TLS record."""
    for to, body in ((other.account.jid, "hello"), (other.jid, "Grüße, <b> & 'c' 😀"),
                     (other.jid, "long " + "ü" * 3000)):
        one.tell("message", to, body)
        other.expect("message", one.jid, body)


@pytest.mark.parametrize(("first", "second", "tls"), SAME + MIXED)
def test_two_clients_become_contacts_and_chat(
        first: str, second: str, tls: str, start: Start, kinds: dict[str, Kind],
        new_account: Callable[..., Account]) -> None:
    alice = start(first, new_account("alice"), tls)
    bob = start(second, new_account("bob"), tls)
    alice.expect("online", alice.jid, kinds[first].mechanism)
    bob.expect("online", bob.jid, kinds[second].mechanism)

    subscribe(alice, bob)
    subscribe(bob, alice)
    alice.expect("roster", bob.account.jid, "both")
    bob.expect("roster", alice.account.jid, "both")
    exchange(alice, bob)
    exchange(bob, alice)

    alice.quit()
    bob.expect("presence", "unavailable", alice.jid)
    bob.quit()


@pytest.mark.parametrize("name", NAMES)
def test_wrong_password_is_refused(name: str, start: Start,
                                   new_account: Callable[..., Account]) -> None:
    start(name, new_account()._replace(password="wrong")).expect("failed")


@pytest.mark.parametrize("name", NAMES)
def test_roster_is_there_after_another_log_in(name: str, start: Start,
                                              new_account: Callable[..., Account]) -> None:
    alice = start(name, new_account("alice"))
    bob = start("slixmpp", new_account("bob"))
    for client in (alice, bob):
        client.expect("online")
    subscribe(alice, bob)
    alice.quit()
    again = start(name, alice.account)
    again.expect("roster", bob.account.jid, "to")
    again.expect("online")
    again.expect("presence", "available", bob.jid)
    for client in (again, bob):
        client.quit()
