"""The access keys that the double gave out: to whom, and until when they hold."""

from __future__ import annotations

import secrets
import string
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

_KEY_ID_LETTERS = string.ascii_uppercase + "234567"


@dataclass(frozen=True)
class AccessKey:
    """One set. Long-lived ones have neither session token nor expiration."""

    id: str
    secret: str
    owner: str  # an instance id, a role, a user
    session_token: str | None = None
    expiration: datetime | None = None
    issued: datetime | None = None


class Credentials:
    """All of them, for those who give them out and for those who check signatures."""

    def __init__(self, now: Callable[[], datetime], lifetime_s: float = 6 * 3600) -> None:
        self.lifetime_s = lifetime_s  # of those issued from now on
        self.frozen = False  # `current` goes on with the same key, even when it has expired
        self._now = now
        self._keys: dict[str, AccessKey] = {}
        self._current: dict[str, AccessKey] = {}
        self._expired: set[str] = set()
        self._lock = threading.Lock()

    def create_user(self, owner: str = "user") -> AccessKey:
        """A long-lived key."""
        key = AccessKey(_key_id("AKIA"), secrets.token_urlsafe(30), owner)
        with self._lock:
            self._keys[key.id] = key
        return key

    def issue(self, owner: str, lifetime_s: float | None = None) -> AccessKey:
        """A new temporary key."""
        with self._lock:
            return self._issue(owner, lifetime_s)

    def current(self, owner: str) -> AccessKey:
        """The owner's temporary key; another one when half of its life is over."""
        with self._lock:
            key = self._current.get(owner)
            if key is None or (not self.frozen and self._is_worn(key)):
                key = self._current[owner] = self._issue(owner, None)
            return key

    def expire(self, owner: str | None = None) -> None:
        """From now on the keys of this owner, or of all, are refused as expired."""
        with self._lock:
            self._expired |= {key.id for key in self._keys.values()
                              if key.session_token and owner in (None, key.owner)}

    def find(self, key_id: str) -> AccessKey | None:
        with self._lock:
            return self._keys.get(key_id)

    def is_expired(self, key: AccessKey) -> bool:
        with self._lock:
            return key.id in self._expired or (
                key.expiration is not None and key.expiration <= self._now())

    def _issue(self, owner: str, lifetime_s: float | None) -> AccessKey:
        now = self._now()
        lifetime = timedelta(seconds=self.lifetime_s if lifetime_s is None else lifetime_s)
        # "/", "+" and "=" are in real ones too, and must be encoded in a form.
        token = f"IQoJ+{secrets.token_urlsafe(200)}/{secrets.token_urlsafe(20)}=="
        key = AccessKey(_key_id("ASIA"), f"{secrets.token_urlsafe(28)}/+", owner, token,
                        now + lifetime, now)
        self._keys[key.id] = key
        return key

    def _is_worn(self, key: AccessKey) -> bool:
        assert key.expiration is not None and key.issued is not None
        return (key.id in self._expired
                or self._now() - key.issued >= (key.expiration - key.issued) / 2)


def _key_id(prefix: str) -> str:
    return prefix + "".join(secrets.choice(_KEY_ID_LETTERS) for _ in range(16))
