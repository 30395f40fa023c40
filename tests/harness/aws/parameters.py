"""The parameters of a call in a query protocol, read with complaints like AWS's."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime, timezone
from typing import TypeVar

from harness.aws.errors import ApiError, invalid

_T = TypeVar("_T")


class Parameters(dict[str, str]):
    """Flat names, such as `InstanceIds.member.1`."""

    def required(self, name: str) -> str:
        value = self.get(name, "")
        if not value:
            raise invalid(f"1 validation error detected: Value null at '{_member(name)}' failed to"
                          " satisfy constraint: Member must not be null")
        return value

    def choice(self, name: str, choices: list[str], default: str | None = None) -> str:
        value = self.get(name) or default
        value = self.required(name) if value is None else value
        if value not in choices:
            raise invalid(f"1 validation error detected: Value '{value}' at '{_member(name)}' "
                          "failed to satisfy constraint: Member must satisfy enum value set: "
                          f"{choices}")
        return value

    def flag(self, name: str, default: bool | None = None) -> bool:
        given = None if default is None else str(default).lower()
        return self.choice(name, ["true", "false"], given) == "true"

    def integer(self, name: str, low: int, high: int, default: int | None = None) -> int:
        if name not in self and default is not None:
            return default
        text = self.required(name)
        if not re.fullmatch(r"-?\d+", text) or not low <= int(text) <= high:
            raise invalid(f"1 validation error detected: Value '{text}' at '{_member(name)}' failed"
                          f" to satisfy constraint: Member must be from {low} to {high}")
        return int(text)

    def number(self, name: str) -> float:
        """Finite."""
        try:
            value = float(self.required(name))
        except ValueError:
            raise ApiError("MalformedInput", f"{name} is not a number") from None
        if value - value != 0:
            raise ApiError("InvalidParameterValue",
                           f"The value {value} for parameter {name} is invalid.")
        return value

    def time(self, name: str) -> datetime | None:
        text = self.get(name)
        if text is None:
            return None
        try:
            at = datetime.fromisoformat(text.replace("Z", "+00:00"))
        except ValueError:
            raise invalid(f"timestamp {text} at '{_member(name)}' must follow ISO8601") from None
        return at if at.tzinfo else at.replace(tzinfo=timezone.utc)

    def texts(self, prefix: str) -> list[str]:
        """`prefix.1`, `prefix.2` and so on."""
        return [self[f"{prefix}.{n}"] for n in self._numbers(prefix)
                if f"{prefix}.{n}" in self]

    def structures(self, prefix: str) -> list[Parameters]:
        """`prefix.1.*`, `prefix.2.*` and so on, each with the rest of its names."""
        found = []
        for number in self._numbers(prefix):
            start = f"{prefix}.{number}."
            found.append(Parameters({name.removeprefix(start): value
                                     for name, value in self.items() if name.startswith(start)}))
        return found

    def _numbers(self, prefix: str) -> list[int]:
        pattern = re.compile(re.escape(prefix) + r"\.(\d+)(?:\.|$)")
        return sorted({int(match[1]) for name in self if (match := pattern.match(name))})


def page(items: list[_T], token: str | None, size: int) -> tuple[list[_T], str | None]:
    """The items from where `token` points, and the token of those after them."""
    start = 0
    if token is not None:
        try:
            start = int(base64.b64decode(token, validate=True).decode().removeprefix("from "))
        except (binascii.Error, UnicodeDecodeError, ValueError):
            raise ApiError("InvalidNextToken") from None
    end = start + size
    # "=" and "+" may be in a token, and must be encoded in a form.
    following = base64.b64encode(f"from {end}".encode()).decode() if end < len(items) else None
    return items[start:end], following


def _member(name: str) -> str:
    return name[0].lower() + name[1:]
