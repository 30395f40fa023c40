"""What is no XML, what XML has but XMPP has not, and too much of it all (RFC 6120 4.9.3, 11)."""

from __future__ import annotations

import pytest

from abuse.attacker import Attacker, header
from abuse.siege import Siege

NWF = "not-well-formed"
RESTRICTED = "restricted-xml"
POLICY = "policy-violation"
FORMAT = "bad-format"
PREFIX = "bad-namespace-prefix"

LAUGHS = ("<!DOCTYPE lolz [<!ENTITY a 'lol'>" + "".join(
    f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9)) + "]>"
    "<message><body>&j;</body></message>")

# In a stream: what the client writes below its header, and how the stream ends.
GARBAGE: dict[str, tuple[str | bytes, str]] = {
    "billion laughs": (LAUGHS, RESTRICTED),
    "DTD": ("<!DOCTYPE html>", RESTRICTED),
    "external DTD": ("<!DOCTYPE x SYSTEM 'file:///etc/passwd'>", RESTRICTED),
    "entity declaration": ("<!ENTITY a 'b'>", RESTRICTED),
    "DTD in a stanza": ("<message><!DOCTYPE x></message>", RESTRICTED),
    "comment": ("<!-- -->", RESTRICTED),
    "comment in a stanza": ("<message><body>a<!-- -->b</body></message>", RESTRICTED),
    "instruction": ("<?php echo ?>", RESTRICTED),
    "instruction in a stanza": ("<message><?php echo ?></message>", RESTRICTED),
    "second header": (header("example.test"), RESTRICTED),
    "unknown entity": ("<message><body>&nbsp;</body></message>", RESTRICTED),
    "unknown entity in an attribute": ("<message id='&a;'/>", RESTRICTED),
    "endless entity": ("<message><body>&" + "a" * 5000, RESTRICTED),
    "text": ("hello", FORMAT),
    "CDATA below the root": ("<![CDATA[hello]]>", FORMAT),
    "unknown prefix": ("<a:b/>", PREFIX),
    "unknown prefix inside": ("<message><a:b/></message>", PREFIX),
    "unknown prefix of an attribute": ("<message a:b='c'/>", PREFIX),
    "crossed tags": ("<message><body></message></body>", NWF),
    "foreign end tag": ("</message>", NWF),
    "end tag of a prefix": ("<message></messag></message>", NWF),
    "attribute twice": ("<message id='a' id='b'/>", NWF),
    "attribute twice by prefixes": ("<a xmlns:b='u' xmlns:c='u' b:d='' c:d=''/>", NWF),
    "attribute without quotes": ("<message id=a/>", NWF),
    "attributes without space": ("<message id='a'to='b'/>", NWF),
    "tag in an attribute": ("<message id='<'/>", NWF),
    "end of CDATA in text": ("<message><body>]]></body></message>", NWF),
    "prefix undeclared again": ("<a xmlns:b=''/>", NWF),
    "prefix xmlns": ("<a xmlns:xmlns='u'/>", NWF),
    "prefix xml bound anew": ("<a xmlns:xml='u'/>", NWF),
    "name of a digit": ("<1/>", NWF),
    "two colons": ("<a:b:c/>", NWF),
    "NUL": ("\0", NWF),
    "NUL in a stanza": ("<message><body>\0</body></message>", NWF),
    "NUL in an attribute": ("<message id='\0'/>", NWF),
    "control character": ("<message><body>\x1b[2J</body></message>", NWF),
    "reference to NUL": ("<message><body>&#0;</body></message>", NWF),
    "reference to a surrogate": ("<message><body>&#xD800;</body></message>", NWF),
    "reference beyond Unicode": ("<message><body>&#x110000;</body></message>", NWF),
    "endless reference": ("<message><body>&#" + "9" * 3000 + ";", NWF),
    "reference without end": ("<message><body>&amp </body></message>", NWF),
    "byte FF": (b"<message><body>\xff</body></message>", NWF),
    "overlong slash": (b"<message><body>\xc0\xaf</body></message>", NWF),
    "overlong NUL": (b"<message><body>\xc0\x80</body></message>", NWF),
    "overlong in three bytes": (b"<message><body>\xe0\x80\xaf</body></message>", NWF),
    "surrogate": (b"<message><body>\xed\xa0\x80</body></message>", NWF),
    "beyond Unicode": (b"<message><body>\xf4\x90\x80\x80</body></message>", NWF),
    "truncated character": (b"<message><body>\xe2\x82</body></message>", NWF),
    "lonely continuation": (b"<message id='\x80'/>", NWF),
    "bad UTF-8 in a name": (b"<me\xc0\xafssage/>", NWF),
    "noncharacter": (b"<message><body>\xef\xbf\xbe</body></message>", NWF),
    "UTF-16": ("<message/>".encode("utf-16-le"), NWF),
    "deep nesting": ("<a>" * 10_000, POLICY),
    "a hundred thousand attributes": (
        "<message " + " ".join(f"a{n}=''" for n in range(100_000)) + "/>", POLICY),
    "huge attribute": ("<message id='" + "a" * 300_000 + "'/>", POLICY),
    "huge text": ("<message><body>" + "a" * 300_000 + "</body></message>", POLICY),
    "huge CDATA": ("<message><body><![CDATA[" + "]" * 300_000, POLICY),
    "huge name": ("<" + "a" * 300_000 + "/>", POLICY),
    "huge end tag": ("</stream:stream" + " " * 20_000 + ">", POLICY),
    "long namespace": ("<a xmlns='" + "u" * 600 + "'/>", POLICY),
    "many elements": ("<message>" + "<a/>" * 20_000 + "</message>", POLICY),
    "white space in a tag": ("<message" + " " * 300_000 + "/>", POLICY),
}

# In place of the header.
FIRST_WORDS: dict[str, tuple[str | bytes, str]] = {
    "billion laughs": (LAUGHS, RESTRICTED),
    "DTD": (b"<?xml version='1.0'?><!DOCTYPE stream>" + header("example.test"), RESTRICTED),
    "comment": (b"<!-- -->" + header("example.test"), RESTRICTED),
    "instruction": ("<?xml-stylesheet href='a'?>", RESTRICTED),
    "text": ("hello", NWF),
    "HTTP": (b"GET / HTTP/1.1\r\nHost: example.test\r\n\r\n", NWF),
    "SSH": (b"SSH-2.0-OpenSSH_9.2\r\n", NWF),
    "NUL": ("\0", NWF),
    "end tag": ("</stream:stream>", NWF),
    "UTF-16": (b"\xff\xfe" + "<stream/>".encode("utf-16-le"), NWF),
    "byte order mark": (b"\xef\xbb\xbf" + header("example.test"), NWF),
    "Latin-1": ("<?xml version='1.0' encoding='ISO-8859-1'?>", "unsupported-encoding"),
    "XML 2.0": ("<?xml version='2.0'?>", NWF),
    "endless declaration": ("<?xml version='1.0'" + " " * 5000, POLICY),
    "endless header": ("<stream:stream to='" + "a" * 300_000, POLICY),
    "endless header of attributes": (
        "<stream:stream " + " ".join(f"a{n}=''" for n in range(100_000)), POLICY),
    "attribute twice": ("<stream:stream to='a' to='b'>", NWF),
    "no stream": ("<html xmlns='http://www.w3.org/1999/xhtml'>", "invalid-namespace"),
    "unknown prefix": ("<stream:stream to='example.test' version='1.0'>", PREFIX),
    "foreign namespace": (
        "<stream:stream to='example.test' version='1.0' xmlns='jabber:client'"
        " xmlns:stream='http://etherx.jabber.org/streamz'>", "invalid-namespace"),
    "content of servers": (
        "<stream:stream to='example.test' version='1.0' xmlns='jabber:server'"
        " xmlns:stream='http://etherx.jabber.org/streams'>", "invalid-namespace"),
    "host of others": (header("example.com"), "host-unknown"),
    "host that is none": (header("a" * 5000), "host-unknown"),
    "before XMPP": (
        "<stream:stream to='example.test' xmlns='jabber:client'"
        " xmlns:stream='http://etherx.jabber.org/streams'>", "unsupported-version"),
}


def raw(payload: str | bytes) -> bytes:
    return payload.encode() if isinstance(payload, str) else payload


def write_in_all_ways(siege: Siege, attackers: list[Attacker], payload: bytes,
                      condition: str) -> None:
    """Whole; and if it is short, each byte for itself, so that every token is cut everywhere."""
    attackers[0].send(payload)
    siege.expect_error(attackers[0], condition)
    for attacker in attackers[1:]:
        attacker.send_singly(payload)
        siege.expect_error(attacker, condition)


def ways(payload: bytes) -> range:
    return range(2 if len(payload) < 200 else 1)


@pytest.mark.parametrize("name", FIRST_WORDS)
def test_garbage_instead_of_a_header(siege: Siege, name: str) -> None:
    payload, condition = raw(FIRST_WORDS[name][0]), FIRST_WORDS[name][1]
    write_in_all_ways(siege, [siege.connect() for _ in ways(payload)], payload, condition)


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_before_authentication(siege: Siege, name: str) -> None:
    payload, condition = raw(GARBAGE[name][0]), GARBAGE[name][1]
    write_in_all_ways(siege, [siege.stream() for _ in ways(payload)], payload, condition)


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_in_a_session(siege: Siege, name: str) -> None:
    payload, condition = raw(GARBAGE[name][0]), GARBAGE[name][1]
    write_in_all_ways(siege, [siege.session() for _ in ways(payload)], payload, condition)


def test_too_large_for_the_unauthenticated_only(siege: Siege) -> None:
    """Before authentication 16 KiB and 8 levels are allowed; afterwards more."""
    large = f"<message to='%s'><body>{'a' * 20_000}</body></message>"
    deep = "<iq type='get' id='deep'>" + "<a xmlns='u'>" * 20 + "</a>" * 20 + "</iq>"
    for stanza in (large % siege.mallory.jid, deep):
        stranger = siege.stream()
        stranger.send(raw(stanza))
        siege.expect_error(stranger, POLICY)
    known = siege.session()
    known.send(raw(large % known.jid))
    known.read_until(b"</message>")
    known.send(raw(deep))
    known.read_until(b"</iq>")


def test_what_is_odd_but_xml_passes(siege: Siege) -> None:
    """CDATA, references, white space between stanzas, any prefix: nothing is lost of it."""
    session = siege.session(" xmlns:c='jabber:client'")
    session.send(b" \r\n\t" * 5000)
    session.send(f"<c:message to='{session.jid}' ><c:body><![CDATA[<a>&]]>&#x41;&#66;</c:body >"
                 "</c:message\n>".encode())
    message = session.read_until(b"</message>")
    assert b"<body><![CDATA[<a>&]]>&#x41;&#66;</body>" in message, message
