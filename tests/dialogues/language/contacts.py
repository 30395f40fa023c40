"""Makes two accounts each other's contacts before a script begins."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from harness.node import Account
from harness.xmpp.client import Client
from harness.xmpp.items import CLIENT, ROSTER

if TYPE_CHECKING:
    from dialogues.language.player import Server


DISCO_INFO = "http://jabber.org/protocol/disco#info"
Wanted = Callable[[Element], bool]


def _is_presence(kind: str | None, sender: str) -> Wanted:
    def wanted(element: Element) -> bool:
        return (element.tag == f"{{{CLIENT}}}presence" and element.get("type") == kind
                and element.get("from", "").startswith(sender))
    return wanted


def _is_push(contact: str, subscription: str) -> Wanted:
    def wanted(element: Element) -> bool:
        item = element.find(f"{{{ROSTER}}}query/{{{ROSTER}}}item")
        return (item is not None and element.get("type") == "set" and item.get("jid") == contact
                and item.get("subscription") == subscription and item.get("ask") is None)
    return wanted


async def make_contacts(pair: list[tuple[Account | None, Server]]) -> None:
    """Returns when both rosters say so and the sessions used for it are gone, unseen by others."""
    clients = []
    for account, server in pair:
        assert account is not None
        client = Client(account.host, server.ca_file, account, "introduction")
        await client.connect(server.address())
        await client.ask(f"<iq type='get' id='%s'><query xmlns='{ROSTER}'/></iq>")
        client.write("<presence/>")
        clients.append(client)
    one, other = clients
    await _subscribe(one, other)
    await _subscribe(other, one)
    for client, contact in ((one, other), (other, one)):
        await client.find(_is_push(_bare(contact), "both"))
    other.write("<presence type='unavailable'/>")
    await one.find(_is_presence("unavailable", other.jid or ""))
    one.write("<presence type='unavailable'/>")
    # What the other's account answers, it answers behind that: nobody hears of it later.
    await one.ask(f"<iq type='get' id='%s' to='{_bare(other)}'><query xmlns='{DISCO_INFO}'/></iq>")
    for client in clients:
        await client.ping(client.host)
        await client.close()


def _bare(client: Client) -> str:
    assert client.account is not None
    return client.account.jid


async def _subscribe(one: Client, other: Client) -> None:
    one.write(f"<presence type='subscribe' to='{_bare(other)}'/>")
    await other.find(_is_presence("subscribe", _bare(one)))
    other.write(f"<presence type='subscribed' to='{_bare(one)}'/>")
    await one.find(_is_presence("subscribed", _bare(other)))
