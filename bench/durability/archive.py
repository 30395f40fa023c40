"""Reads the whole archive of an account (XEP-0313), page after page (XEP-0059)."""

from __future__ import annotations

import re

from durability.client import Client
from durability.ledger import Ledger
from durability.negotiation import attribute

_PAGE = 100
_RESULT_ID = re.compile(rb"<result[^>]*\sid=['\"]([^'\"]*)")
_LAST = re.compile(rb"<last>([^<]*)</last>")


class ArchiveReader:
    """Done when the server says that the archive is complete, or that it cannot be read."""

    def __init__(self, client: Client, ledger: Ledger) -> None:
        self.done = False
        self._client = client
        self._ledger = ledger
        self._page = 0
        client.on_archived = self._on_archived
        client.on_iq = self._on_iq
        self._ask("")

    def _ask(self, after: str) -> None:
        self._page += 1
        self._client.send_iq(
            f"<iq type='set' id='mam{self._page}'><query xmlns='urn:xmpp:mam:2'>"
            f"<set xmlns='http://jabber.org/protocol/rsm'><max>{_PAGE}</max>{after}</set>"
            "</query></iq>")

    def _on_archived(self, stanza: bytes) -> None:
        if match := _RESULT_ID.search(stanza):
            self._ledger.archive(self._client.number, match[1], stanza)

    def _on_iq(self, iq: bytes) -> None:
        if attribute(iq, "id") != f"mam{self._page}":
            return
        last = _LAST.search(iq)
        if attribute(iq, "type") != "result":
            error = iq.decode().replace(self._client.user, "USER")
            self._ledger.faults[f"archive not readable: {error}"] += 1
            self.done = True
        elif last is None or re.search(rb"<fin[^>]*\scomplete=['\"]true['\"]", iq):
            self.done = True
        else:
            self._ask(f"<after>{last[1].decode()}</after>")
