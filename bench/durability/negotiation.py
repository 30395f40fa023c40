"""What a client says before and after SASL, as data: texts and the arithmetic of SCRAM-SHA-1."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import re
import secrets

HOST = "localhost"
HEADER = (f"<?xml version='1.0'?><stream:stream to='{HOST}' version='1.0' xmlns='jabber:client' "
          "xmlns:stream='http://etherx.jabber.org/streams'>")
BIND = ("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
        "<resource>campaign</resource></bind></iq>")
ENABLE = "<enable xmlns='urn:xmpp:sm:3' resume='true'/>"
REQUEST = "<r xmlns='urn:xmpp:sm:3'/>"
_SASL = "urn:ietf:params:xml:ns:xmpp-sasl"


def auth(mechanism: str, initial: bytes) -> str:
    text = base64.b64encode(initial).decode()
    return f"<auth xmlns='{_SASL}' mechanism='{mechanism}'>{text}</auth>"


def response(data: bytes) -> str:
    return f"<response xmlns='{_SASL}'>{base64.b64encode(data).decode()}</response>"


def ack(h: int) -> str:
    return f"<a xmlns='urn:xmpp:sm:3' h='{h}'/>"


def resume(session: str, h: int) -> str:
    return f"<resume xmlns='urn:xmpp:sm:3' h='{h}' previd='{session}'/>"


def attribute(element: bytes, name: str) -> str | None:
    """Of the element's first tag."""
    tag = element[:element.index(b">")].decode()
    match = re.search(rf"\s{name}=(?:'([^']*)'|\"([^\"]*)\")", tag)
    return None if match is None else match[1] if match[1] is not None else match[2]


@functools.cache
def _salted(password: str, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha1", password.encode(), salt, iterations)


class Scram:
    """The client's side of one SCRAM-SHA-1 exchange (RFC 5802), without channel binding."""

    def __init__(self, user: str, password: str) -> None:
        self._password = password
        self._bare = f"n={user},r={secrets.token_hex(8)}"

    def first(self) -> bytes:
        return b"n,," + self._bare.encode()

    def final(self, challenge: bytes) -> bytes:
        server_first = base64.b64decode(re.sub(rb"<[^>]*>", b"", challenge)).decode()
        fields = dict(f.split("=", 1) for f in server_first.split(","))
        salted = _salted(self._password, base64.b64decode(fields["s"]), int(fields["i"]))
        client_key = hmac.digest(salted, b"Client Key", "sha1")
        without_proof = f"c=biws,r={fields['r']}"
        message = f"{self._bare},{server_first},{without_proof}".encode()
        signature = hmac.digest(hashlib.sha1(client_key).digest(), message, "sha1")
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()
