"""Names in braces: `{alice.bare}`, `{id}`. Other braces are ordinary characters."""

from __future__ import annotations

import re
from collections.abc import Mapping

Bindings = Mapping[str, str]
NAME = re.compile(r"\{([a-z][a-z0-9_]*(?:\.[a-z]+)?)\}")


class UnknownName(Exception):
    """A name in braces that nothing has given a value yet."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{{{name}}} has no value here")


def substitute(text: str, bindings: Bindings, quote: bool = False) -> str:
    """The text with all names replaced; `quote` escapes the values for use in XML."""
    def value(match: re.Match[str]) -> str:
        if match[1] not in bindings:
            raise UnknownName(match[1])
        found = bindings[match[1]]
        if quote:
            for char, entity in (("&", "&amp;"), ("<", "&lt;"), ("'", "&apos;"), ('"', "&quot;")):
                found = found.replace(char, entity)
        return found

    return NAME.sub(value, text)


def match_value(template: str, actual: str, bindings: Bindings) -> dict[str, str] | None:
    """The names that `actual` gives a value, {} if none; None if it does not fit.

    `*` is any value. A name that has a value stands for it; one that has none takes what is there,
    at least one character.
    """
    if template == "*":
        return {}
    expression, position, new = "", 0, []
    for name in NAME.finditer(template):
        expression += re.escape(template[position:name.start()])
        position = name.end()
        if name[1] in bindings:
            expression += re.escape(bindings[name[1]])
        elif name[1] in new:
            expression += f"(?P={name[1]})"
        elif "." in name[1]:
            raise UnknownName(name[1])
        else:
            new.append(name[1])
            expression += f"(?P<{name[1]}>.+)"
    found = re.fullmatch(expression + re.escape(template[position:]), actual, re.DOTALL)
    return found.groupdict() if found else None
