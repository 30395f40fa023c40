"""XMPP over HTTP without a library, step by step: WebSocket (RFC 7395) and BOSH (XEP-0124, 0206).

For what no client library can do. Everything blocks, and gives up after TIMEOUT_S.
"""

from __future__ import annotations

import base64
import http.client
import os
import re
import secrets
import struct
import time
from collections import deque
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from harness.node import Account, Address
from harness.waiting import TIMEOUT_S
from harness.xmpp import items, sasl

HTTP_BIND = "http://jabber.org/protocol/httpbind"
SM = "urn:xmpp:sm:3"
_XBOSH = "urn:xmpp:xbosh"
_MESSAGE = f"{{{items.CLIENT}}}message"
_HOLD = 1  # how many requests the server may have at a time without answering one

TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9


def request(method: str, path: str, body: bytes = b"", *fields: str) -> bytes:
    """A whole request, as it should be."""
    lines = [f"{method} {path} HTTP/1.1", "Host: example.test", *fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def handshake(path: str = "/ws") -> bytes:
    """Asks to speak XMPP over WebSocket from here on."""
    key = base64.b64encode(os.urandom(16)).decode()
    return request("GET", path, b"", "Connection: Upgrade", "Upgrade: websocket",
                   "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}",
                   "Sec-WebSocket-Protocol: xmpp")


def frame(payload: bytes, opcode: int = TEXT, last: bool = True, masked: bool = True) -> bytes:
    """As a client sends it, unless it is not `masked`."""
    mask = os.urandom(4) if masked else b""
    size = len(payload)
    if size < 126:
        length = bytes([size | 0x80 * masked])
    elif size < 65_536:
        length = bytes([126 | 0x80 * masked]) + struct.pack(">H", size)
    else:
        length = bytes([127 | 0x80 * masked]) + struct.pack(">Q", size)
    if masked:
        payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    return bytes([opcode | 0x80 * last]) + length + mask + payload


def session_request(rid: int, host: str) -> str:
    """The <body/> that asks for a session."""
    return (f"<body xmlns='{HTTP_BIND}' rid='{rid}' to='{host}' wait='10' hold='{_HOLD}'"
            f" ver='1.11' xml:lang='en' xmpp:version='1.0' xmlns:xmpp='{_XBOSH}'/>")


class BoshSession:
    """A BOSH session. A request is always under way while it waits for something.

    `terminated` is the condition, or "", when the server has ended the session; None before.
    `handled` counts stanzas for stream management, from where that was enabled.
    """

    def __init__(self, address: Address, host: str) -> None:
        self.host = host
        self.terminated: str | None = None
        self.handled = 0
        self.rid = secrets.randbelow(1 << 40) + 1
        self._sid = ""
        self._address = address
        self._idle: list[http.client.HTTPConnection] = []
        self._under_way: deque[http.client.HTTPConnection] = deque()
        self._received: deque[Element] = deque()
        self._last = "nothing"  # that was received, for people

    def begin(self) -> Element:
        """Makes the session; its features are returned."""
        self._post(session_request(self.rid, self.host))
        return self.find(f"{{{items.STREAM}}}features")

    def log_in(self, account: Account) -> None:
        """Up to where a resource is bound, or a session resumed."""
        self.begin()
        scram = sasl.Scram("SCRAM-SHA-256", account.user, account.password)
        self.send(f"<auth xmlns='{items.SASL}' mechanism='SCRAM-SHA-256'>"
                  f"{base64.b64encode(scram.first()).decode()}</auth>")
        challenge = base64.b64decode(self.find(f"{{{items.SASL}}}challenge").text or "")
        self.send(f"<response xmlns='{items.SASL}'>"
                  f"{base64.b64encode(scram.final(challenge)).decode()}</response>")
        scram.check(base64.b64decode(self.find(f"{{{items.SASL}}}success").text or ""))
        self.send("", f" xmpp:restart='true' to='{self.host}' xmlns:xmpp='{_XBOSH}'")
        self.find(f"{{{items.STREAM}}}features")

    def bind(self, resource: str) -> str:
        """The full JID."""
        self.send(f"<iq xmlns='{items.CLIENT}' type='set' id='bind'><bind xmlns='{items.BIND}'>"
                  f"<resource>{resource}</resource></bind></iq>")
        answer = self.find(f"{{{items.CLIENT}}}iq")
        jid = answer.findtext(f"{{{items.BIND}}}bind/{{{items.BIND}}}jid")
        assert jid, ElementTree.tostring(answer)
        return jid

    def enable(self) -> str:
        """With resumption; by what the session can be resumed."""
        self.send(f"<enable xmlns='{SM}' resume='true'/>")
        number = self.find(f"{{{SM}}}enabled").attrib["id"]
        self.handled = 0
        return number

    def resume(self, before: BoshSession, number: str) -> Element:
        """Goes on with what another session was; the answer is returned."""
        self.handled = before.handled
        self.send(f"<resume xmlns='{SM}' previd='{number}' h='{self.handled}'/>")
        return self.find(f"{{{SM}}}resumed")

    def say(self, to: str, text: str) -> None:
        self.send(f"<message xmlns='{items.CLIENT}' to='{to}' type='chat'><body>{text}</body>"
                  "</message>")

    def heard(self) -> str:
        """What the next message says."""
        return self.find(_MESSAGE).findtext(f"{{{items.CLIENT}}}body", "")

    def acknowledged(self) -> int:
        """How many of its stanzas the server says that it has."""
        self.send(f"<r xmlns='{SM}'/>")
        return int(self.find(f"{{{SM}}}a").attrib["h"])

    def send(self, payload: str, attributes: str = "") -> None:
        self._post(f"<body xmlns='{HTTP_BIND}' rid='{self.rid}' sid='{self._sid}'{attributes}>"
                   f"{payload}</body>")

    def find(self, tag: str) -> Element:
        """The next element of that name; what comes before it is taken and lost."""
        while (element := self.next()).tag != tag:
            pass
        return element

    def next(self) -> Element:
        deadline = time.monotonic() + TIMEOUT_S
        while not self._received:
            assert self.terminated is None, f"the session ended: {self.terminated!r}"
            assert time.monotonic() < deadline, f"nothing came after {self._last}"
            if not self._under_way:
                self.send("")
            self._take_answer()
        element = self._received.popleft()
        self.handled += element.tag.startswith(f"{{{items.CLIENT}}}")
        return element

    def read_to_end(self) -> list[Element]:
        """What comes until the server ends the session, but for what has been taken before. Nothing
        of it counts as handled."""
        while self.terminated is None:
            if not self._under_way:
                self.send("")
            self._take_answer()
        return list(self._received)

    def read_answers(self) -> None:
        """To all that is under way, as after a request to pause."""
        while self._under_way:
            self._take_answer()

    def end(self) -> None:
        """The session as well as its connections, in order, unless it has ended already."""
        if self.terminated is None:
            self.send("", " type='terminate'")
            self.read_to_end()
        self.close()

    def close(self) -> None:
        """Ends the connections, without a word to the session."""
        for connection in (*self._idle, *self._under_way):
            connection.close()
        self._idle.clear()
        self._under_way.clear()

    def _post(self, body: str) -> None:
        while len(self._under_way) > _HOLD:  # the oldest of them is answered at once
            self._take_answer()
        connection = (self._idle.pop() if self._idle else
                      http.client.HTTPConnection(*self._address, timeout=TIMEOUT_S))
        connection.request("POST", "/bosh", body.encode(), {"Content-Type": "text/xml"})
        self.rid += 1
        self._under_way.append(connection)

    def _take_answer(self) -> None:
        connection = self._under_way.popleft()
        answer = connection.getresponse()
        text = answer.read().decode()
        assert answer.status == 200, (answer.status, text)
        self._idle.append(connection)
        body = ElementTree.fromstring(text)
        assert body.tag == f"{{{HTTP_BIND}}}body", text
        self._sid = body.get("sid", self._sid)
        self._received.extend(body)
        self._last = text if len(body) else self._last
        if body.get("type") == "terminate":
            self.terminated = body.get("condition", "")


def is_refusal(body: str) -> bool:
    """Whether a request for a session was answered with: too many."""
    return re.search(r"<body [^>]*type='terminate'", body) is not None and (
        "condition='policy-violation'" in body)
