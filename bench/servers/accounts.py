"""Accounts as servers store them: SCRAM-SHA-1 keys and contacts, made once for thousands."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import NamedTuple

HOST = "localhost"


class Keys(NamedTuple):
    """Of RFC 5802."""

    salt: bytes
    iterations: int
    stored_key: bytes
    server_key: bytes


def keys(password: str) -> Keys:
    """With one salt for all: clients, too, then derive their key only once."""
    salt, iterations = b"bench-salt-bench", 4096
    salted = hashlib.pbkdf2_hmac("sha1", password.encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha1")
    return Keys(salt, iterations, hashlib.sha1(client_key).digest(),
                hmac.digest(salted, b"Server Key", "sha1"))


def rosters(users: list[str], contacts: int) -> Iterator[tuple[str, list[str]]]:
    """Each with its contacts: users in a row, in groups of one more, all know each other."""
    if contacts == 0:
        return
    for first in range(0, len(users), contacts + 1):
        group = users[first:first + contacts + 1]
        for user in group:
            yield user, [other for other in group if other != user]
