"""Who never gets to the point: the time before there is a session is bounded."""

from __future__ import annotations

from collections.abc import Callable

from abuse.attacker import Attacker, header
from abuse.siege import HASTY, Siege
from abuse.test_negotiation import STARTTLS, client_hello


def _silent(siege: Siege) -> Attacker:
    return siege.connect("starttls")


def _silent_direct(siege: Siege) -> Attacker:
    return siege.connect("direct")


def _half_hello(siege: Siege) -> Attacker:
    attacker = siege.connect("direct")
    attacker.send(client_hello(siege.host)[:100])
    return attacker


def _half_handshake(siege: Siege) -> Attacker:
    attacker = siege.stream()
    attacker.send(STARTTLS)
    attacker.read_until(b"<proceed")
    attacker.send(client_hello(siege.host))
    return attacker


def _half_header(siege: Siege) -> Attacker:
    attacker = siege.connect("starttls")
    attacker.send(header(siege.host)[:-1])
    return attacker


def _half_stanza(siege: Siege) -> Attacker:
    attacker = siege.stream()
    attacker.send(b"<message><body>half")
    return attacker


def _secure_and_silent(siege: Siege) -> Attacker:
    attacker = siege.secure()
    attacker.send(header(siege.host))
    return attacker


def _authenticated_and_silent(siege: Siege) -> Attacker:
    attacker = siege.secure()
    attacker.authenticate(siege.mallory)
    return attacker


def _space_for_ever(siege: Siege) -> Attacker:
    return siege.stream()


def _one_byte_at_a_time(siege: Siege) -> Attacker:
    attacker = siege.stream()
    attacker.send(b"<message><body>")
    return attacker


def test_nobody_negotiates_for_ever(siege: Siege) -> None:
    """All at once, since each takes as long as `negotiation_timeout` says."""
    siege.ip = HASTY
    begin: list[Callable[[Siege], Attacker]] = [
        _silent, _silent_direct, _half_hello, _half_handshake, _half_header, _half_stanza,
        _secure_and_silent, _authenticated_and_silent]
    waiting = [fn(siege) for fn in begin]
    spaces, single = _space_for_ever(siege), _one_byte_at_a_time(siege)
    for attacker, byte in ((spaces, b" "), (single, b"a")):
        while not siege.watch.lines(attacker.remote):
            attacker.send(byte)
            siege.chat.progress(0)
    for attacker in [*waiting, spaces, single]:
        line = siege.expect_line(attacker, "stream_error")
        assert line["condition"] == "connection-timeout", line


def test_half_a_stanza_in_a_session_holds_up_nobody(siege: Siege) -> None:
    """Its own account neither: another session of it gets what is for both."""
    half, other = siege.session(), siege.session()
    other.send(b"<presence/>")
    half.send(f"<message to='{other.jid}'><body>half".encode())
    for number in range(50):
        half.send(b"a" * 100)
        other.send(f"<iq type='get' id='{number}'><ping xmlns='urn:xmpp:ping'/></iq>".encode())
        other.read_until(f"id='{number}'".encode())
    half.send(b"</body></message>")
    other.read_until(b"half" + b"a" * 5000)
