"""The participants' clients while a script is played, and what all of them can be asked to do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from dialogues.language.contacts import make_contacts
from dialogues.language.script import Script
from harness.xmpp.client import Client
from harness.xmpp.items import CLIENT, Declaration, Item, Received, to_text

if TYPE_CHECKING:
    from dialogues.language.player import Server

_PRESENCE = f"{{{CLIENT}}}presence"


class Unmet(AssertionError):
    """An expectation that did not come true."""


class Stage:
    """The participants' clients, and the names that have a value."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = dict(names)
        self.clients: dict[str, Client] = {}
        self._servers: dict[str, Server] = {}
        self._presence: dict[tuple[str, str | None], tuple[str | None, list[str]]] = {}

    def add(self, name: str, client: Client, server: Server) -> None:
        self.clients[name] = client
        self._servers[name] = server
        self.learn_jid(name)

    def learn_jid(self, name: str) -> None:
        """`{name}` and its parts. The full JID is a guess until the resource is bound."""
        client = self.clients[name]
        self.names[f"{name}.host"] = client.host
        if client.account is None:
            return
        self.names[f"{name}.user"] = client.account.user
        self.names[f"{name}.bare"] = client.account.jid
        if client.resource:
            self.names[name] = client.jid or f"{client.account.jid}/{client.resource}"
            self.names[f"{name}.resource"] = client.resource

    def taken(self, name: str, item: Item) -> None:
        """Remembers what a participant has last had of whose presence."""
        if isinstance(item, Received) and item.element.tag == _PRESENCE:
            self._presence[name, item.element.get("from")] = _told(item.element)

    def is_repeated(self, name: str, item: Item) -> bool:
        """Presence that the participant has had already, and nothing else of the same JID since.
        Between several servers what a contact sends to all and its answer to a probe may both come,
        if one goes online as the other does, or soon after a node has come or gone.
        """
        return (len(set(self._servers.values())) > 1 and isinstance(item, Received)
                and item.element.tag == _PRESENCE and item.element.get("type") is None
                and self._presence.get((name, item.element.get("from"))) == _told(item.element))

    def nothing_waits(self, name: str) -> None:
        waiting = [item for item in self.clients[name].connection.waiting_items()
                   if not isinstance(item, Declaration) and not self.is_repeated(name, item)]
        if waiting:
            raise Unmet(f"{name} received unexpectedly:\n" + listing(waiting))

    def server(self, name: str) -> Server:
        return self._servers[name]

    async def prepare(self, script: Script) -> None:
        for one, other in script.contacts:
            await make_contacts([(self.clients[n].account, self._servers[n])
                                 for n in (one, other)])
        for participant in script.participants.values():
            if participant.bystander:
                await self.connect(participant.name)
                await self.go_online(participant.name)

    async def connect(self, name: str, direct_tls: bool = False) -> None:
        server = self._servers[name]
        address = server.address("direct" if direct_tls else "starttls")
        await self.clients[name].connect(address, direct_tls)
        self.learn_jid(name)

    async def go_online(self, name: str, priority: str | None = None) -> None:
        """Initial presence; the server's echo of it (RFC 6121, 4.2.2) is taken. Between several
        servers it has also been dealt with there where the others are at home: one who comes later
        has it by asking only (4.3), not as one to whom it was sent and who came just in time.
        """
        client = self.clients[name]
        client.write(f"<presence><priority>{priority}</priority></presence>"
                     if priority else "<presence/>")
        await client.find(lambda e: e.tag == _PRESENCE
                          and e.get("from") == client.jid and e.get("type") is None)
        if len(set(self._servers.values())) > 1:
            others = {other.account.jid for other in self.clients.values() if other.account}
            await _ping(client, client.host)
            await asyncio.gather(*(_ping(client, jid) for jid in others))

    async def settle(self, name: str) -> None:
        """Returns when all that anybody has sent so far must have reached `name`.

        First every session asks its own server, then the participant: the answers cannot overtake
        what went the same way before them (RFC 6120, 10.1).
        """
        target = self.clients[name].jid
        assert target is not None
        await asyncio.gather(*(_ping(c, c.host) for c in self.clients.values()))
        await asyncio.gather(*(_ping(c, target) for c in self.clients.values()))

    async def nothing_is_left(self) -> None:
        """The end of the script: nobody has received what it did not mention."""
        for name, client in self.clients.items():
            if client.bound:
                await self.settle(name)
            if client.connected:
                self.nothing_waits(name)

    async def tear_down(self) -> None:
        for client in self.clients.values():
            if client.connected:
                client.drop()


async def _ping(client: Client, to: str) -> None:
    """Whose stream the server ends meanwhile has nothing more to send; the end is in its queue."""
    if client.bound:
        with contextlib.suppress(ConnectionError):
            await client.ping(to)


def _told(presence: Element) -> tuple[str | None, list[str]]:
    return presence.get("type"), [to_text(child) for child in presence]


def listing(items: Sequence[Item | str]) -> str:
    return "\n".join(f"  {item}" for item in items)
