"""Well-formed stanzas that lie, or are made to be expensive."""

from __future__ import annotations

import pytest

from abuse.siege import Siege

KINDS = {
    "message": "<message {}><body>forged</body></message>",
    "presence": "<presence {}/>",
    "subscription": "<presence type='subscribe' to='chatter1@other.test' {}/>",
    "iq": "<iq type='get' id='f' {}><ping xmlns='urn:xmpp:ping'/></iq>",
    "answer": "<iq type='result' id='f' to='chatter0@example.test/chat' {}/>",
    "error": "<message type='error' to='chatter0@example.test/chat' {}/>",
}
FORGED = {
    "other user": "chatter0@example.test",
    "other session": "chatter0@example.test/chat",
    "other host": "mallory@other.test",
    "the server": "example.test",
    "far away": "mallory@example.com",
    "own other session": "mallory@example.test/other",
    "look-alike": "m\u0430llory@example.test",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FORGED)
def test_forged_from(siege: Siege, name: str, kind: str) -> None:
    """RFC 6120 section 8.1.2.1."""
    attacker = siege.session()
    attacker.send(KINDS[kind].format(f"from='{FORGED[name]}'").encode())
    siege.expect_error(attacker, "invalid-from")


@pytest.mark.parametrize("name", ["<a xmlns='urn:example'/>", "<message xmlns='jabber:server'/>",
                                  "<query xmlns='jabber:client'/>", "<stream:features/>",
                                  "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
                                  "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"])
def test_what_is_no_stanza(siege: Siege, name: str) -> None:
    attacker = siege.session()
    attacker.send(name.encode())
    siege.expect_error(attacker, "unsupported-stanza-type")


NO_ADDRESSES = ["@", "a@", "@example.test", "/r", "example.test/", "a@example.test/", "a@@b",
                "a b@example.test", "a@b c", "a&amp;b@example.test", "a:b@example.test",
                "a@-example.test", "a@example..test", "a@" + "b" * 64 + ".test",
                "a" * 1024 + "@example.test", "a@" + "b." * 600 + "test",
                "a@example.test/" + "r" * 1024, "a\u202eb@example.test",
                "\ufb01\u200d@example.test",
                "\u0378@example.test", "a@\u2024test", "a@[::1", "a@[nonsense]", "\u2fb1@a\u0338b",
                "a\u0300" * 600 + "@example.test", "a@xn--\u0430", "a@xn--zzzzzzzzzzz"]


def test_addresses_that_are_none(siege: Siege) -> None:
    """Each is answered with an error, and the session goes on (RFC 6120 section 8.3.3.8)."""
    attacker = siege.session()
    stanzas = ("<message to='{}' id='{}'/>", "<presence to='{}' id='{}'/>",
               "<iq type='get' to='{}' id='{}'><ping xmlns='urn:xmpp:ping'/></iq>")
    for number, address in enumerate(NO_ADDRESSES):
        for stanza in stanzas:
            attacker.send(stanza.format(address, number).encode())
            answer = attacker.read_until(b"</error>")
            assert b"<jid-malformed" in answer and f"id='{number}'".encode() in answer, answer


def test_addresses_that_look_different_only(siege: Siege) -> None:
    """Case, width and composition make no second account; other letters do (RFC 7622)."""
    attacker = siege.session()
    resource = attacker.jid.partition("/")[2]
    for local in ("MALLORY", "\uff4dallory"):
        attacker.send(f"<message to='{local}@EXAMPLE.test/{resource}' id='{local}'/>".encode())
        assert local.encode() in attacker.read_until(b"/>")
    attacker.send("<message to='m\u0430llory@example.test' id='other'><body/></message>".encode())
    assert b"service-unavailable" in attacker.read_until(b"</error>")


GROWING = {
    "elements": "<p:x/>" * 8000,
    "attributes": ("<x " + " ".join(f"p{n}:a=''" for n in range(16)) + "/>") * 1800,
}


@pytest.mark.parametrize("what", GROWING)
def test_namespaces_of_the_header(siege: Siege, what: str) -> None:
    """What is short by prefixes from the header could grow a hundredfold on its way to others."""
    long = "urn:" + "n" * 480
    prefixes = f" xmlns:p='{long}'" + "".join(
        f" xmlns:p{n}='{n}{long}'" for n in range(16))
    victim = siege.session()
    attacker = siege.session(prefixes)
    attacker.send(f"<message to='{victim.jid}'>{GROWING[what]}</message>".encode())
    siege.expect_error(attacker, "policy-violation")
    modest = siege.session(prefixes)
    modest.send(f"<message to='{victim.jid}' id='bye'><p:x p1:a=''/></message>".encode())
    assert long.encode() in victim.read_until(b"</message>")


def test_presence_to_everybody(siege: Siege) -> None:
    """Who is told of a presence is remembered, but not for any number of addresses."""
    attacker = siege.session()
    attacker.send(b"".join(b"<presence to='u%d@example.test'/>" % n for n in range(10_000)))
    attacker.send(b"<presence to='last@example.test' id='last'/>")
    assert b"<policy-violation" in attacker.read_until(b"</presence>")


def test_subscription_storm(siege: Siege) -> None:
    attacker = siege.session()
    attacker.send(b"<presence/>")
    attacker.send(b"".join(b"<presence to='u%d@example.test' type='subscribe'/>" % n
                           for n in range(200)))
    siege.chat.progress()
    attacker.send(b"<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
    attacker.read_until(b"id='r'")
    attacker.send(b"".join(b"<presence to='u%d@example.test' type='unsubscribe'/>" % n
                           for n in range(200)))
    attacker.send(b"<iq type='get' id='q'><query xmlns='jabber:iq:roster'/></iq>")
    attacker.read_until(b"id='q'")
