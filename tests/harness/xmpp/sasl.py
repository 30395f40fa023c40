"""The client's side of PLAIN (RFC 4616) and SCRAM (RFC 5802, RFC 7677), to test a server's."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

_HASHES = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}


def plain(user: str, password: str) -> bytes:
    return f"\0{user}\0{password}".encode()


class ServerIsWrong(Exception):
    """The server broke the protocol or does not know the password's keys."""


def _fields(message: bytes) -> dict[str, str]:
    pairs = (part.split("=", 1) for part in message.decode().split(",") if "=" in part)
    return {key: value for key, value in pairs}


class Scram:
    """One exchange. `binding` is the type and data of the channel binding for -PLUS."""

    def __init__(self, mechanism: str, user: str, password: str,
                 binding: tuple[str, bytes] | None = None) -> None:
        self._hash = _HASHES[mechanism.removesuffix("-PLUS")]
        self._password = password.encode()
        kind, data = binding if binding else ("", b"")
        self._gs2 = f"p={kind},,".encode() if binding else b"n,,"
        self._binding = base64.b64encode(self._gs2 + data)
        self._nonce = secrets.token_urlsafe(18)
        name = user.replace("=", "=3D").replace(",", "=2C")
        self._first_bare = f"n={name},r={self._nonce}".encode()
        self._signature = b""

    def first(self) -> bytes:
        return self._gs2 + self._first_bare

    def final(self, server_first: bytes) -> bytes:
        fields = _fields(server_first)
        nonce = fields.get("r", "")
        if not nonce.startswith(self._nonce) or nonce == self._nonce:
            raise ServerIsWrong(f"nonce in {server_first!r}")
        salted = hashlib.pbkdf2_hmac(self._hash, self._password, base64.b64decode(fields["s"]),
                                     int(fields["i"]))
        client_key = self._hmac(salted, b"Client Key")
        without_proof = b"c=" + self._binding + b",r=" + nonce.encode()
        message = b",".join((self._first_bare, server_first, without_proof))
        stored_key = hashlib.new(self._hash, client_key).digest()
        signature = self._hmac(stored_key, message)
        proof = bytes(a ^ b for a, b in zip(client_key, signature))
        self._signature = self._hmac(self._hmac(salted, b"Server Key"), message)
        return without_proof + b",p=" + base64.b64encode(proof)

    def check(self, server_final: bytes) -> None:
        """Raises ServerIsWrong unless the server proved that it knows the keys."""
        if base64.b64decode(_fields(server_final).get("v", "")) != self._signature:
            raise ServerIsWrong(f"signature in {server_final!r}")

    def _hmac(self, key: bytes, message: bytes) -> bytes:
        return hmac.digest(key, message, self._hash)
