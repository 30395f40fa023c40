"""The book of the campaign: of every message, what the server said and where it turned up.

A flow is what one client sends to its partner; its messages are numbered from 0. Client n's
messages are flow n, so a flow is written by one sender and read by one receiver.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

_BODY = re.compile(rb"<body>(\d+):(\d+):")
_ID = re.compile(rb" id=['\"](\d+)-(\d+)['\"]")  # of a message of ours
_PADDING = "x" * 80  # a body as long as people's messages are
Message = tuple[int, int]  # flow, number


def body_of(flow: int, number: int) -> str:
    return f"{flow}:{number}:{_PADDING}"


def message_in(stanza: bytes) -> Message | None:
    match = _BODY.search(stanza)
    return (int(match[1]), int(match[2])) if match else None


@dataclass
class Flow:
    """From one client to its partner."""

    sent: int = 0
    acknowledged: set[int] = field(default_factory=set)
    resent: set[int] = field(default_factory=set)
    refused: set[int] = field(default_factory=set)  # answered by an error: the sender knows
    received: Counter[int] = field(default_factory=Counter)
    owed: set[int] = field(default_factory=set)  # acknowledged, neither refused nor received
    archived: Counter[int] = field(default_factory=Counter)  # in the receiver's archive
    latest: int = -1  # the highest number received so far
    disorder: int = 0


class Ledger:
    """All flows, and the archive ids of all clients."""

    def __init__(self, clients: int) -> None:
        self.flows = [Flow() for _ in range(clients)]
        self.archive_ids: list[Counter[bytes]] = [Counter() for _ in range(clients)]
        self.acknowledged = 0
        self.faults: Counter[str] = Counter()  # breaches of protocol, by what they are

    def acknowledge(self, flow: int, number: int) -> None:
        to = self.flows[flow]
        to.acknowledged.add(number)
        if number not in to.received and number not in to.refused:
            to.owed.add(number)
        self.acknowledged += 1

    def receive(self, client: int, stanza: bytes) -> None:
        """A message from the stream of a client, not out of its archive."""
        if b"type='error'" in stanza or b'type="error"' in stanza:
            self._refuse(stanza)
            return
        message = message_in(stanza)
        if message is None:
            return
        flow, number = self.flows[message[0]], message[1]
        if message[0] != client ^ 1:
            self.faults["delivered to somebody else"] += 1
            return
        if number < flow.latest and number not in flow.received and number not in flow.resent:
            flow.disorder += 1
        flow.latest = max(flow.latest, number)
        flow.received[number] += 1
        flow.owed.discard(number)

    def _refuse(self, error: bytes) -> None:
        """By its id: what was refused need not be in the answer (RFC 6120, 8.3.1)."""
        if (message := _ID.search(error)) is None:
            return
        flow, number = self.flows[int(message[1])], int(message[2])
        flow.refused.add(number)
        flow.owed.discard(number)

    def archive(self, client: int, archive_id: bytes, stanza: bytes) -> None:
        """An entry of the archive of a client."""
        self.archive_ids[client][archive_id] += 1
        message = message_in(stanza)
        if message is not None and message[0] == client ^ 1:
            self.flows[message[0]].archived[message[1]] += 1

    def all_received(self) -> bool:
        return not any(f.owed for f in self.flows)

    def totals(self) -> dict[str, int]:
        """The counts by which servers are compared."""
        sums: Counter[str] = Counter()
        for flow in self.flows:
            unarchived = flow.acknowledged - flow.refused - flow.archived.keys()
            sums["sent"] += flow.sent
            sums["acknowledged"] += len(flow.acknowledged)
            sums["refused"] += len(flow.refused)
            sums["not_received"] += len(flow.owed)
            sums["not_in_archive"] += len(unarchived)
            sums["gone"] += len(flow.owed & unarchived)
            sums["disorder"] += flow.disorder
            sums["received_twice"] += sum(n - 1 for n in flow.received.values())
            sums["archived_twice"] += sum(n - 1 for n in flow.archived.values())
            sums["resent"] += len(flow.resent)
        sums["archive_id_twice"] = sum(n - 1 for ids in self.archive_ids for n in ids.values())
        return dict(sums)
