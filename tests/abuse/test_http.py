"""An HTTP listener under attack: what is no HTTP, what is too long or never ends, WebSocket frames
that lie, and sessions over BOSH without number."""

from __future__ import annotations

import base64
import itertools
import json
import re
import secrets
import struct
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from abuse.attacker import Attacker, header
from abuse.chat import Chat
from abuse.conftest import HOSTS
from abuse.siege import HASTY, MIB, Siege
from abuse.test_negotiation import client_hello
from abuse.watch import SANITIZED
from harness.authority import Authority
from harness.node import Account, Address, Event, Node
from harness.web import (BINARY, CLOSE, HTTP_BIND, PING, TEXT, frame, handshake, is_refusal,
                         request, session_request)
from harness.xmpp import sasl
from harness.xmpp.items import CLIENT, SASL

CROWDED = "127.0.0.4"  # where the daemon allows one address only so many connections
MOST = 20
MAX_BODY = 65_536
BEFORE_AUTH = 16_384  # bytes of a stanza
KNOWN = 262_144       # the same after it

# One address for each attacker, as that is what the log says of a request.
_sources = (f"127.0.{6 + n // 250}.{1 + n % 250}" for n in itertools.count())


class Answer(NamedTuple):
    status: int
    head: str
    body: str


def read_answer(attacker: Attacker) -> Answer:
    """The next answer of which the length is known."""
    head = attacker.read_until(b"\r\n\r\n").decode()
    found = re.search(r"^Content-Length: (\d+)", head, re.MULTILINE)
    length = int(found[1]) if found else 0
    while len(attacker.received) < length:
        assert attacker.read(), f"the connection ended in an answer: {head}"
    body, attacker.received = attacker.received[:length], attacker.received[length:]
    return Answer(int(head.split()[1]), head, body.decode())


class HttpSiege(Siege):
    def web(self, ip: str = "127.0.0.1", receive_buffer: int = 0) -> Attacker:
        """A connection to the HTTP listener at this address."""
        event = self.node.log.wait("listening", lambda e: (e.get("module"), e.get("address"))
                                   == ("http", ip))
        attacker = Attacker(Address(ip, event["port"]), next(_sources), receive_buffer)
        self._attackers.append(attacker)
        return attacker

    def websocket(self, ip: str = "127.0.0.1") -> Attacker:
        attacker = self.web(ip)
        attacker.send(handshake())
        assert attacker.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
        return attacker

    def lines(self, attacker: Attacker) -> list[Event]:
        """Of the log, about this attacker's address, with a port or without."""
        ip = attacker.remote.partition(":")[0]
        return [line for line in self.watch.lines(ip)
                if str(line["remote"]).partition(":")[0] == ip]

    def one(self, attacker: Attacker, event: str) -> Event:
        self.watch.until(lambda: self.lines(attacker), f"no line about {attacker.remote}")
        lines = self.lines(attacker)
        assert [line["event"] for line in lines] == [event], lines
        return lines[0]

    def expect_refusal(self, attacker: Attacker, status: int) -> None:
        """A problem, the connection's end, and a line that says who and why."""
        answer = read_answer(attacker)
        assert answer.status == status, answer
        problem = json.loads(answer.body)
        assert (problem["status"], "application/problem+json" in answer.head) == (status, True)
        assert attacker.read_to_end() == b"", "nothing behind it"
        assert self.one(attacker, "http_request_refused")["error"]

    def still_serves(self, ip: str = "127.0.0.1") -> None:
        """Others, over HTTP and over TCP."""
        other = self.web(ip)
        other.send(request("GET", "/health/live"))
        assert read_answer(other).status == 200
        other.reset()
        self.chat.progress()


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Node]:
    """At its end: alive, exit code 0, nothing that a sanitizer complains of."""
    node = Node(tmp_path_factory.mktemp("http-target"), authority, HOSTS, loglevel="info")
    node.serve_http(max_body=MAX_BODY)
    node.serve_http(ip=HASTY, negotiation_timeout=5)
    node.serve_http(ip=CROWDED, max_connections_per_address=MOST)
    node.start()
    yield node
    node.stop()


@pytest.fixture(scope="module")
def chat(target: Node) -> Iterator[Chat]:
    talk = Chat(target)
    talk.start()
    yield talk
    talk.stop()


@pytest.fixture(scope="module")
def mallory(target: Node) -> Account:
    account = Account("mallory", HOSTS[0], secrets.token_hex(9))
    target.register(account)
    return account


@pytest.fixture
def siege(target: Node, chat: Chat, mallory: Account) -> Iterator[HttpSiege]:
    under_way = HttpSiege(target, chat, mallory)
    yield under_way
    under_way.end()


_HOST = b"Host: example.test\r\n"
_POST = b"POST /bosh HTTP/1.1\r\n" + _HOST

# What is sent, and with which status it is refused.
GARBAGE: dict[str, tuple[bytes, int]] = {
    "xml": (header("example.test"), 400),
    "tls": (client_hello("example.test"), 400),
    "zeros": (bytes(200), 400),
    "ssh": (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", 400),
    "proxy header": (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 5280\r\n\r\n", 400),
    "http 2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "no version": (b"GET /health/live\r\n\r\n", 400),
    "space in the target": (b"GET /health /live HTTP/1.1\r\n" + _HOST + b"\r\n", 400),
    "space before the colon": (b"GET / HTTP/1.1\r\nHost : example.test\r\n\r\n", 400),
    "field without a name": (b"GET / HTTP/1.1\r\n" + _HOST + b": a\r\n\r\n", 400),
    "NUL in a field": (b"GET / HTTP/1.1\r\n" + _HOST + b"A: \0\r\n\r\n", 400),
    "no host": (b"GET /health/live HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET /health/live HTTP/1.1\r\n" + _HOST + b"Host: other.test\r\n\r\n", 400),
    "host that is none": (b"GET /health/live HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    "length below zero": (_POST + b"Content-Length: -1\r\n\r\n", 400),
    "length of words": (_POST + b"Content-Length: much\r\n\r\n", 400),
    "length beyond all": (_POST + b"Content-Length: 99999999999999999999\r\n\r\n", 400),
    "two lengths": (_POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\na", 400),
    "length and chunks": (
        _POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunk of words": (_POST + b"Transfer-Encoding: chunked\r\n\r\nmuch\r\n", 400),
    "chunk beyond all": (
        _POST + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\n", 400),
    "line that never ends": (b"GET /" + b"a" * 20_000, 431),
    "field that never ends": (b"GET / HTTP/1.1\r\n" + _HOST + b"A: " + b"a" * 20_000, 431),
    "fields that never end": (
        b"GET / HTTP/1.1\r\n" + _HOST + b"".join(b"A%d: b\r\n" % n for n in range(3_000)), 431),
    "body too long": (_POST + b"Content-Length: %d\r\n\r\n" % (MAX_BODY + 1), 413),
    "body that never ends": (_POST + b"Transfer-Encoding: chunked\r\n\r\n"
                             + (b"4000\r\n" + b"a" * 0x4000 + b"\r\n") * 5, 413),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_no_request_is_refused(siege: HttpSiege, name: str) -> None:
    """RFC 9112: sections 3.2 (Host), 5.1 (names), 6.3 (lengths that could hide a request)."""
    payload, status = GARBAGE[name]
    attacker = siege.web()
    attacker.send(payload)
    siege.expect_refusal(attacker, status)
    siege.still_serves()


def test_http_1_0_needs_no_host(siege: HttpSiege) -> None:
    client = siege.web()
    client.send(b"GET /health/live HTTP/1.0\r\n\r\n")
    assert read_answer(client).status == 200


def _bosh_session(siege: HttpSiege) -> Attacker:
    attacker = siege.web(HASTY)
    attacker.send(request("POST", "/bosh", session_request(1, HOSTS[0]).encode()))
    assert "stream:features" in read_answer(attacker).body
    return attacker


def test_nobody_is_waited_for_for_ever(siege: HttpSiege) -> None:
    """All at once, since each takes as long as the listener's patience; who sends a byte now and
    then gains nothing by it. Half a request is worth a line of the log, to say nothing at all, as
    browsers do that connect in advance, is not."""
    silent = siege.web(HASTY)
    begun = [b"GET /", b"GET / HTTP/1.1\r\n" + _HOST + b"A: ",
             _POST + b"Content-Length: 50000\r\n\r\n<body",
             _POST + b"Transfer-Encoding: chunked\r\n\r\nffff\r\n"]
    dripping = [siege.web(HASTY) for _ in begun]
    for attacker, bytes_so_far in zip(dripping, begun):
        attacker.send(bytes_so_far)
    upgraded, bosh = siege.websocket(HASTY), _bosh_session(siege)
    deaf = siege.web(HASTY, receive_buffer=4096)
    deaf.send(request("GET", _largest_script(siege)))
    alive = set(dripping)
    while alive:
        alive = {attacker for attacker in alive if attacker.send(b"a")}
        siege.chat.progress(0)
        time.sleep(0.2)  # the attackers are in no hurry
    siege.watch.connections_gone()
    assert silent.read_to_end() == b""
    for attacker in (upgraded, bosh):
        assert siege.one(attacker, "stream_error")["condition"] == "connection-timeout"
    siege.still_serves(HASTY)
    for attacker in dripping:
        assert siege.lines(attacker), f"the log does not say that {attacker.remote} was given up"
    assert not siege.lines(silent)


def test_answers_that_are_never_read(siege: HttpSiege) -> None:
    """However many requests are sent at once: the next is answered when the last answer is on its
    way."""
    deaf = siege.web(receive_buffer=4096)
    deaf.send(request("GET", _largest_script(siege)) * 150)
    for _ in range(10):
        siege.still_serves()
        assert SANITIZED or siege.watch.grown() < 16 * MIB, f"{siege.watch.grown()} bytes"
    deaf.reset()


def _largest_script(siege: HttpSiege) -> str:
    """Of the chat page: more than a megabyte."""
    client = siege.web()
    client.send(request("GET", "/chat/"))
    found = re.search(r'href="([^"]+/converse\.min\.js)"', read_answer(client).body)
    assert found
    return found[1]


def _close_code(frames: bytes) -> int | None:
    """Of the last frame that the server sent, if that is a close."""
    at, code = 0, None
    while at < len(frames):
        opcode, size = frames[at] & 15, frames[at + 1]
        assert size < 127, "no answer of those here is so long"
        at += 2
        if size == 126:
            size = struct.unpack(">H", frames[at:at + 2])[0]
            at += 2
        payload = frames[at:at + size]
        code = struct.unpack(">H", payload[:2])[0] if opcode == CLOSE and payload else None
        at += size
    return code


OPEN = f"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='{HOSTS[0]}' version='1.0'/>"
_MASK = bytes(4)

# Frames by RFC 6455, and the code that the server closes with.
FRAMES: dict[str, tuple[bytes, int]] = {
    "not masked": (frame(OPEN.encode(), masked=False), 1002),
    "reserved bit": (b"\xc1\x80" + _MASK, 1002),
    "opcode 3": (b"\x83\x80" + _MASK, 1002),
    "opcode 15": (b"\x8f\x80" + _MASK, 1002),
    "binary": (frame(b"\0", BINARY), 1003),
    "text that is no UTF-8": (frame(b"<a>\xc0\xaf</a>"), 1007),
    "short length in long": (b"\x81\xfe\x00\x05" + _MASK + b"hello", 1002),
    "shorter in longest": (b"\x81\xff" + struct.pack(">Q", 5) + _MASK + b"hello", 1002),
    "length below zero": (b"\x81\xff" + b"\xff" * 8 + _MASK, 1002),
    "length of a terabyte": (b"\x81\xff" + struct.pack(">Q", 1 << 40) + _MASK, 1009),
    "too long before log-in": (frame(b"<a>" + b"a" * 2 * BEFORE_AUTH), 1009),
    "too long in pieces": (
        frame(b"<a>", last=False) + frame(b"a" * 8_000, 0, last=False) * 3, 1009),
    "empty pieces, then too long": (
        frame(b"<a>", last=False) + frame(b"", 0, last=False) * 500 + frame(b"a" * 20_000, 0),
        1009),
    "continues nothing": (frame(b"<a/>", 0), 1002),
    "begins twice": (frame(b"<a>", last=False) + frame(b"<a/>"), 1002),
    "ping too long": (frame(b"a" * 126, PING), 1002),
    "ping in pieces": (frame(b"a", PING, last=False), 1002),
    "close of one byte": (frame(b"\x03", CLOSE), 1002),
    "close for a reason that is none": (frame(struct.pack(">H", 1005), CLOSE), 1002),
}


@pytest.mark.parametrize("name", FRAMES)
def test_frames_that_lie(siege: HttpSiege, name: str) -> None:
    payload, code = FRAMES[name]
    attacker = siege.websocket()
    attacker.send(payload)
    assert _close_code(attacker.read_to_end()) == code
    line = siege.one(attacker, "connection_lost")
    assert line["error"], line
    siege.chat.progress()


# Messages behind <open/>, and how the stream ends.
MESSAGES: dict[str, tuple[str, str]] = {
    "text": ("hello", "not-well-formed"),
    "nothing": ("", "not-well-formed"),
    "half": ("<message><body>", "not-well-formed"),
    "two at once": ("<message/><message/>", "not-well-formed"),
    "end of a stream": ("</stream:stream>", "not-well-formed"),
    "stream header": (header(HOSTS[0]).decode(), "not-well-formed"),
    "DTD": ("<!DOCTYPE a><message/>", "not-well-formed"),
    "unknown prefix": ("<a:b xmlns='jabber:client'/>", "bad-namespace-prefix"),
    "over the limit": (f"<message xmlns='{CLIENT}'><body>" + "a" * BEFORE_AUTH
                       + "</body></message>", "policy-violation"),
    "deep": (f"<message xmlns='{CLIENT}'>" + "<a>" * 2_000 + "</a>" * 2_000 + "</message>",
             "policy-violation"),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_messages_that_are_no_stanzas(siege: HttpSiege, name: str) -> None:
    text, condition = MESSAGES[name]
    attacker = siege.websocket()
    attacker.send(frame(OPEN.encode()))
    attacker.read_until(b"</stream:features>")
    attacker.send(frame(text.encode()))
    end = attacker.read_to_end()
    assert f"<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'".encode() in end, end
    assert siege.one(attacker, "stream_error")["condition"] == condition
    siege.chat.progress()


@pytest.mark.parametrize("size", [KNOWN, 2 * KNOWN])
def test_too_long_after_log_in(siege: HttpSiege, size: int) -> None:
    """A little, which the stream refuses; and so much that the frame is not even read."""
    attacker = siege.websocket()
    attacker.send(frame(OPEN.encode()))
    attacker.read_until(b"</stream:features>")
    initial = base64.b64encode(sasl.plain(siege.mallory.user, siege.mallory.password)).decode()
    attacker.send(frame(f"<auth xmlns='{SASL}' mechanism='PLAIN'>{initial}</auth>".encode()))
    attacker.read_until(b"<success")
    attacker.send(frame(OPEN.encode()))
    attacker.read_until(b"</stream:features>")
    message = f"<message xmlns='{CLIENT}'><body>{'a' * size}</body></message>"
    attacker.send(frame(message.encode()))
    end = attacker.read_to_end()
    if size == KNOWN:
        assert b"<policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'" in end, end
        assert siege.one(attacker, "stream_error")["condition"] == "policy-violation"
    else:
        assert _close_code(end[end.rfind(b"\x88"):]) == 1009, end
        assert siege.one(attacker, "connection_lost")["error"]
    siege.chat.progress()


def test_frames_without_number(siege: HttpSiege) -> None:
    """Pings whose answers are never read, and a message that never ends in empty pieces: neither
    costs memory."""
    attackers = [siege.websocket() for _ in range(2)]
    floods = [frame(b"a" * 125, PING) * 500, frame(b"", 0, last=False) * 10_000]
    attackers[1].send(frame(b"<a>", TEXT, last=False))
    for attacker, block in zip(attackers, floods):
        attacker.socket.settimeout(1)
        try:
            for _ in range(100):
                attacker.send(block)
        except TimeoutError:
            pass  # it is not read any more
        siege.still_serves()
    assert SANITIZED or siege.watch.grown() < 16 * MIB
    for attacker in attackers:
        attacker.reset()
        siege.one(attacker, "connection_lost")


def _sessions(attacker: Attacker, rids: range) -> dict[int, str]:
    """What is answered to a request for a session each, sent without waiting, by its number."""
    for rid in rids:
        attacker.send(request("POST", "/bosh", session_request(rid, HOSTS[0]).encode()))
    answers = {rid: read_answer(attacker) for rid in rids}
    assert {answer.status for answer in answers.values()} == {200}
    return {rid: answer.body for rid, answer in answers.items()}


def _end_session(attacker: Attacker, rid: int, body: str) -> None:
    """That was made by this request, with this answer."""
    sid = re.search(r" sid='([^']+)'", body)
    assert sid, body
    attacker.send(request("POST", "/bosh", f"<body xmlns='{HTTP_BIND}' rid='{rid + 1}'"
                          f" sid='{sid[1]}' type='terminate'/>".encode()))
    assert "type='terminate'" in read_answer(attacker).body


def test_sessions_without_number_over_one_connection(siege: HttpSiege) -> None:
    """Each BOSH session counts like a connection of its address; who has too many is told so, and
    gets another when one of them has ended."""
    attacker = siege.web(CROWDED)
    bodies: dict[int, str] = {}
    for first in range(1, 2_000, 50):
        bodies |= _sessions(attacker, range(first, first + 50))
    siege.still_serves(CROWDED)
    opened = {rid: body for rid, body in bodies.items() if "stream:features" in body}
    assert 0 < len(opened) <= MOST, f"{len(opened)} sessions of one address"
    assert all(is_refusal(body) for rid, body in bodies.items() if rid not in opened)
    assert siege.lines(attacker), "the log says whose sessions were refused"
    assert SANITIZED or siege.watch.grown() < 16 * MIB
    _end_session(attacker, *opened.popitem())
    opened |= _sessions(attacker, range(9_001, 9_002))
    for rid, body in opened.items():
        _end_session(attacker, rid, body)


def test_bodies_that_are_no_requests(siege: HttpSiege) -> None:
    """XEP-0124 section 17.2: the session that is asked for does not come to be."""
    attacker = siege.web()
    good = session_request(1, HOSTS[0])
    for body in ("", "hello", "<body/>", good[:-2], good + good, f"<!DOCTYPE a>{good}",
                 good.replace("rid='1'", ""), good.replace("rid='1'", "rid='-1'"),
                 good.replace("rid='1'", "rid='0'"), good.replace("rid='1'", f"rid='{1 << 53}'"),
                 good.replace("rid='1'", "rid='1' rid='2'"),
                 f"<body xmlns='{HTTP_BIND}' rid='1'>" + "<a>" * 2_000):
        attacker.send(request("POST", "/bosh", body.encode()))
        answer = read_answer(attacker)
        assert (answer.status, "condition='bad-request'" in answer.body) == (200, True), answer
    attacker.send(request("POST", "/bosh", good.replace("rid='1'", "rid='1' sid='x'").encode()))
    assert "condition='item-not-found'" in read_answer(attacker).body
    attacker.send(request("POST", "/bosh", session_request(1, "nowhere.test").encode()))
    assert "host-unknown" in read_answer(attacker).body


def test_paths_and_methods_that_are_not_there(siege: HttpSiege) -> None:
    """docs/api.md: 404 where there is no such command, whatever is done to it; 405, with what may
    be done, where there is one."""
    token = siege.node.ctl("create_token", "abuse", "write", "1")["token"]
    client = siege.web()

    def asked(method: str, path: str) -> Answer:
        body = b"{}" if method != "GET" else b""
        client.send(request(method, path, body, f"Authorization: Bearer {token}",
                            "Content-Type: application/json"))
        answer = read_answer(client)
        assert "Content-Type: application/problem+json" in answer.head, (method, path, answer)
        assert json.loads(answer.body)["status"] == answer.status
        return answer

    for method, path, allowed in (("GET", "/api/register", "POST"),
                                  ("POST", "/api/status", "GET, HEAD"),
                                  ("DELETE", "/api/register", "POST"),
                                  ("POST", "/metrics", "GET, HEAD")):
        answer = asked(method, path)
        assert (answer.status, f"\r\nAllow: {allowed}\r\n" in answer.head) == (405, True), answer
    for method in ("GET", "POST", "PUT", "DELETE"):
        for path in ("/api/nonsense", "/api/register/more", "/nonsense"):
            assert asked(method, path).status == 404, (method, path)
