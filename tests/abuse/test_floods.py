"""Too much of what is allowed: who does not read, who does not stop, and who says nothing."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from abuse.attacker import Attacker, header
from abuse.siege import MIB, Siege
from abuse.test_negotiation import BIND, PING, client_hello
from abuse.watch import SANITIZED

BODY = "<body>" + "a" * 100_000 + "</body>"
SILENT = 2_000 if SANITIZED else 10_000


def test_client_that_never_reads(siege: Siege) -> None:
    """It is dropped; those who wrote to it were not held up."""
    deaf = siege.session(receive_buffer=4096)
    sender = siege.session()
    message = f"<message to='{deaf.jid}'>{BODY}</message>".encode()
    for _ in range(400):
        sender.send(message + PING.encode())
        sender.read_until(b"id='p'")
        if siege.watch.lines(deaf.remote):
            break
    siege.expect_line(deaf, "client_too_slow")
    siege.chat.progress()


FLOODS = {
    "ping": PING,
    "iq nobody answers": "<iq type='set' id='i'><a xmlns='urn:example'/></iq>",
    "iq without id": "<iq type='get'><a xmlns='urn:example'/></iq>",
    "message to far away": "<message to='a@example.com'/>",
    "address that is none": "<message to='@'/>",
    "message to oneself": "<message to='{jid}'><body>x</body></message>",
    "discovery": "<iq type='get' id='i' to='example.test'>"
                 "<query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
    "roster": "<iq type='get' id='i'><query xmlns='jabber:iq:roster'/></iq>",
    "stream management": "<a xmlns='urn:xmpp:sm:3' h='0'/>",
    "resumption": "<resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/>",
    "binding": f"<iq type='set' id='i'><bind xmlns='{BIND}'/></iq>",
}


# These wait for the store, and so does who asks: it is not read meanwhile.
HELD_BACK = {
    "message to nobody": "<message to='nobody@example.test'><body>x</body></message>",
    "archive": "<iq type='set' id='i'><query xmlns='urn:xmpp:mam:2'/></iq>",
}


def flood(attacker: Attacker, stanza: str, most: int = 40 * MIB) -> int:
    """Sends until the connection ends, and reads nothing; how many bytes that were."""
    block = stanza.encode() * (65_536 // len(stanza) + 1)
    sent = 0
    while sent < most and attacker.send(block):
        sent += len(block)
    return sent


@pytest.mark.parametrize("name", FLOODS)
def test_questions_whose_answers_are_never_read(siege: Siege, name: str) -> None:
    # Some of it is archived, and SQLite's page cache fills up once; a leak is the soak's affair.
    siege.memory_bound = 64 * MIB
    attacker = siege.session(receive_buffer=4096, account=siege.stranger())
    flood(attacker, FLOODS[name].format(jid=attacker.jid))
    siege.expect_line(attacker, "client_too_slow")
    siege.chat.progress()


@pytest.mark.parametrize("name", HELD_BACK)
def test_questions_that_wait_for_the_store(siege: Siege, name: str) -> None:
    attacker = siege.session(receive_buffer=4096, account=siege.stranger())
    flood(attacker, HELD_BACK[name], MIB // 2)
    siege.chat.progress()
    attacker.reset()
    assert siege.watch.one_line(attacker.remote)["event"] in ("client_too_slow", "connection_lost")


def test_acknowledgements_never_read(siege: Siege) -> None:
    attacker = siege.session(receive_buffer=4096)
    attacker.send(b"<enable xmlns='urn:xmpp:sm:3'/>")
    flood(attacker, "<r xmlns='urn:xmpp:sm:3'/>")
    siege.expect_line(attacker, "client_too_slow")


@pytest.mark.parametrize("stanza", [
    f"<iq type='set' id='b'><bind xmlns='{BIND}'><resource>&#x202e;</resource></bind></iq>",
    "<resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/>",
])
def test_binding_answers_never_read(siege: Siege, stanza: str) -> None:
    """Until it has a session it is read slowly: ten stanzas a second after the first fifty."""
    attacker = siege.secure(receive_buffer=4096)
    attacker.authenticate(siege.mallory)
    attacker.send(stanza.encode() * 150)
    siege.chat.progress()
    attacker.reset()
    assert siege.watch.one_line(attacker.remote)["event"] == "connection_lost"


def test_writes_faster_than_the_disk(siege: Siege) -> None:
    """What waits for the store is bounded: the client is not read meanwhile."""
    attacker = siege.session()
    item = ("<iq type='set' id='s%d'><query xmlns='jabber:iq:private'><a xmlns='urn:abuse'>"
            + "x" * 200_000 + "</a></query></iq>")
    most = 0
    for number in range(300):
        attacker.send((item % number).encode())
        if number % 20 == 0:
            most = max(most, siege.watch.grown())
    attacker.read_until(b"id='s299'")
    assert SANITIZED or most < 24 * MIB, f"{most} bytes"


def test_connections_that_say_nothing(siege: Siege) -> None:
    """Twice: the second time nothing more is needed."""
    def crowd(port: str) -> list[Attacker]:
        return [siege.connect(port, source=f"127.0.3.{1 + n % 8}") for n in range(SILENT // 2)]

    for _ in range(2):
        siege.watch.remember_memory()
        silent = crowd("starttls") + crowd("direct")
        siege.chat.progress()
        known = siege.session()
        known.send(PING.encode())
        known.read_until(b"id='p'")
        for attacker in silent:
            attacker.reset()
        known.reset()
        siege.watch.connections_gone()


def test_connect_and_reset(siege: Siege) -> None:
    """At most one line for each."""
    source = "127.0.5.1"
    for _ in range(2000):
        siege.connect("direct", source).reset()
    siege.chat.progress()
    siege.watch.connections_gone()
    assert len(siege.watch.lines(f"{source}:")) <= 2000


def test_mailbox_of_one(siege: Siege) -> None:
    """Thousands of stanzas to one client that reads, from several that do not stop."""
    victim = siege.session()
    senders = [siege.session() for _ in range(4)]
    message = f"<message to='{victim.jid}' type='headline'><body>flood</body></message>"
    for sender in senders:
        sender.send(message.encode() * 500)
    siege.chat.progress()
    received = 0
    while received < 2000:
        received += victim.read_until(b"</message>").count(b"</message>")


def _soak_round(siege: Siege, dice: random.Random) -> None:
    hello = client_hello(siege.host)
    attacks: list[Callable[[], Attacker]] = [
        siege.connect, lambda: siege.connect("direct"), siege.stream, siege.secure]
    words = [b"<!DOCTYPE x>", b"<a>" * 100, b"\xff" * 100, hello, hello[:50], header(siege.host),
             header(siege.host) + b"<auth", b"<stream:stream to='" + b"a" * 9000, b""]
    for attack in attacks:
        for word in words:
            attacker = attack()
            attacker.send(word)
            if dice.random() < 0.5:
                attacker.finish_sending()
                attacker.read()
            attacker.reset()


def test_memory_is_flat_over_thousands_of_attacks(siege: Siege) -> None:
    """A leak of three KiB for a connection would exceed the bound."""
    dice = random.Random(4)
    rounds = 10 if SANITIZED else 40
    for _ in range(rounds // 4):
        _soak_round(siege, dice)
    siege.watch.connections_gone()
    siege.watch.remember_memory()
    for _ in range(rounds):
        _soak_round(siege, dice)
    siege.memory_bound = 4 * MIB
