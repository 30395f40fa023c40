"""What comes too early, twice, or makes no sense before there is a session."""

from __future__ import annotations

import base64
import secrets
import ssl

import pytest

from abuse.attacker import header
from abuse.siege import Siege
from harness.xmpp import sasl

STARTTLS = b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
BIND = "urn:ietf:params:xml:ns:xmpp-bind"
PING = "<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>"

TOO_EARLY = {
    "message": "<message to='{victim}'><body>early</body></message>",
    "presence": "<presence/>",
    "iq": PING,
    "binding": f"<iq type='set' id='b'><bind xmlns='{BIND}'/></iq>",
    "stream management": "<resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/>",
    "something": "<a xmlns='urn:example'/>",
    "stream in a stream": "<stream:stream/>",
    "stream error": "<stream:error/>",
}


def client_hello(host: str) -> bytes:
    outgoing = ssl.MemoryBIO()
    context = ssl.create_default_context()
    tls = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=host)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def auth(mechanism: str, initial: bytes | str) -> bytes:
    text = initial if isinstance(initial, str) else base64.b64encode(initial).decode()
    return f"<auth xmlns='{SASL}' mechanism='{mechanism}'>{text}</auth>".encode()


@pytest.mark.parametrize("name", TOO_EARLY)
@pytest.mark.parametrize("secure", [False, True])
def test_before_authentication(siege: Siege, name: str, secure: bool) -> None:
    attacker = siege.secure() if secure else siege.connect()
    attacker.send(header(siege.host))
    attacker.read_until(b"</stream:features>")
    attacker.send(TOO_EARLY[name].format(victim="chatter0@example.test/chat").encode())
    siege.expect_error(attacker, "not-authorized")


@pytest.mark.parametrize("name", ["message", "presence", "iq", "something"])
def test_before_binding(siege: Siege, name: str) -> None:
    attacker = siege.secure()
    attacker.authenticate(siege.mallory)
    attacker.send(TOO_EARLY[name].format(victim="chatter0@example.test/chat").encode())
    siege.expect_error(attacker, "not-authorized")


@pytest.mark.parametrize("what", ["message", "TLS"])
def test_data_behind_starttls(siege: Siege, what: str) -> None:
    """RFC 6120 section 5.4.3.3: what was sent in the clear must not become part of the stream."""
    attacker = siege.stream()
    attacker.send(STARTTLS + (client_hello(siege.host) if what == "TLS" else
                              b"<message to='chatter0@example.test/chat'/>"))
    siege.expect_error(attacker, "policy-violation")


def test_starttls_twice(siege: Siege) -> None:
    attacker = siege.connect()
    attacker.start_tls(siege.host)
    attacker.send(header(siege.host) + STARTTLS)
    assert b"<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>" in (
        attacker.read_to_end())
    siege.expect_line(attacker, "starttls_refused")


def test_tls_where_a_header_belongs(siege: Siege) -> None:
    attacker = siege.connect()
    attacker.send(client_hello(siege.host))
    siege.expect_error(attacker, "not-well-formed")


SASL_GARBAGE = {
    "mechanism": (auth("CRAM-MD5", b"x"), "invalid-mechanism"),
    "no mechanism": (f"<auth xmlns='{SASL}'/>".encode(), "invalid-mechanism"),
    "endless mechanism": (auth("A" * 10_000, b"x"), "invalid-mechanism"),
    "base64": (auth("PLAIN", "=x=="), "incorrect-encoding"),
    "binary": (auth("PLAIN", secrets.token_bytes(5000)), "malformed-request"),
    "one NUL": (auth("PLAIN", b"\0"), "malformed-request"),
    "many NULs": (auth("PLAIN", b"\0" * 5000), "malformed-request"),
    "bad UTF-8 name": (auth("PLAIN", b"\0\xff\xfe\0x"), "malformed-request"),
    "line in the name": (auth("PLAIN", b"\0a\n{\"event\":\"forged\"}\0x"), "not-authorized"),
    "other than oneself": (auth("PLAIN", b"admin@example.test\0mallory\0x"), "invalid-authzid"),
    "SCRAM": (auth("SCRAM-SHA-1", secrets.token_bytes(5000)), "malformed-request"),
    "SCRAM without nonce": (auth("SCRAM-SHA-256", b"n,,n=mallory,r="), "malformed-request"),
    "response to nothing": (f"<response xmlns='{SASL}'>AA==</response>".encode(),
                            "malformed-request"),
    "abort of nothing": (f"<abort xmlns='{SASL}'/>".encode(), "aborted"),
}


@pytest.mark.parametrize("name", SASL_GARBAGE)
def test_sasl_garbage(siege: Siege, name: str) -> None:
    """It is answered, and the client may try again: at most 20 times."""
    attempt, condition = SASL_GARBAGE[name]
    attacker = siege.secure(source="127.0.1.1")
    attacker.send(header(siege.host))
    attacker.read_until(b"</stream:features>")
    attacker.send(attempt)
    assert f"<{condition}/>".encode() in attacker.read_until(b"</failure>")
    line = siege.watch.one_line(attacker.remote)
    assert (line["event"], line["error"]) == ("authentication_failed", condition)
    assert len(str(line)) < 2000, "a line must not be as long as an attacker likes"


def test_sasl_garbage_has_an_end(siege: Siege) -> None:
    attacker = siege.secure(source="127.0.1.2")
    attacker.send(header(siege.host) + auth("PLAIN", "=x==") * 500)
    assert attacker.stream_errors() == ["policy-violation"]
    assert attacker.received.count(b"<failure") == 20
    siege.watch.until(lambda: siege.watch.lines(attacker.remote)[-1:] and
                      siege.watch.lines(attacker.remote)[-1]["event"] == "stream_error", "no line")
    assert len(siege.watch.lines(attacker.remote)) == 21


@pytest.mark.parametrize("what", [auth("PLAIN", b"\0mallory\0" + b"x" * 20_000),
                                  f"<a xmlns='{SASL}'/>".encode()])
def test_no_sasl_at_all(siege: Siege, what: bytes) -> None:
    attacker = siege.secure()
    attacker.send(header(siege.host))
    attacker.read_until(b"</stream:features>")
    attacker.send(what)
    siege.expect_error(attacker, "policy-violation" if len(what) > 1000 else
                       "unsupported-stanza-type")


def test_guessing_on_many_streams(siege: Siege) -> None:
    """Every guess costs the server a key derivation; those who chat do not wait for them."""
    attackers = [siege.secure(source=f"127.0.1.{10 + n}") for n in range(40)]
    for number, attacker in enumerate(attackers):
        guess = auth("PLAIN", sasl.plain(f"nobody{number}", "guess"))
        attacker.send(header(siege.host) + guess * 2)
    siege.chat.progress()
    for attacker in attackers:
        attacker.read_until(b"<not-authorized/></failure>")


RESOURCES = {"too long": "r" * 1024, "much too long": "r" * 10_000, "control": "a&#x9;b",
             "not assigned": "\u0378", "bidi override": "a\u202eb", "private use": "\ue000"}


@pytest.mark.parametrize("name", RESOURCES)
def test_resource_that_is_none(siege: Siege, name: str) -> None:
    attacker = siege.secure()
    attacker.authenticate(siege.mallory)
    attacker.send(f"<iq type='set' id='b'><bind xmlns='{BIND}'><resource>{RESOURCES[name]}"
                  "</resource></bind></iq>".encode())
    assert b"<bad-request" in attacker.read_until(b"</iq>")
    attacker.bind("good")


def test_binding_again_and_again(siege: Siege) -> None:
    attacker = siege.session()
    bind = f"<iq type='set' id='%d'><bind xmlns='{BIND}'/></iq>"
    attacker.send("".join(bind % n for n in range(2000)).encode())
    for _ in range(2000):
        assert b"type='error'" in attacker.read_until(b"</iq>")
    siege.chat.progress()


def test_many_sessions_of_one_account(siege: Siege) -> None:
    sessions = [siege.session() for _ in range(50)]
    siege.chat.progress()
    sessions[0].send(b"<presence/>")
    for session in sessions[1:]:
        session.send(PING.encode())
        session.read_until(b"id='p'")
