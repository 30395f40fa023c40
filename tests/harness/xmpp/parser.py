"""An XML stream as expat sees it, cut into items."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree.ElementTree import Element
from xml.parsers import expat

from harness.xmpp.items import Declaration, EndOfStream, Item, Received


# Text and the whole tag after it. Since 2024 expat may put off an incomplete token until much more
# has come, which on a stream may be never; so it is given nothing but whole tags.
_WHOLE_TAG = re.compile(rb"""[^<]*<(?:[^<>'"]|'[^']*'|"[^"]*")*>""")


def _clark(name: str) -> str:
    return "{" + name if "}" in name else name


class StreamParser:
    """Calls `emit` for each item of one stream; a new stream needs a new parser."""

    def __init__(self, emit: Callable[[Item], None]) -> None:
        self._emit = emit
        self._pending = b""
        self._stack: list[Element] = []
        self._parser = expat.ParserCreate(namespace_separator="}")
        self._parser.buffer_text = True
        self._parser.XmlDeclHandler = lambda version, *_: emit(Declaration(version))
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text

    def feed(self, data: bytes) -> None:
        """Raises ValueError if the server's XML is not well-formed."""
        self._pending += data
        end = 0
        while tag := _WHOLE_TAG.match(self._pending, end):
            end = tag.end()
        data, self._pending = self._pending[:end], self._pending[end:]
        try:
            self._parser.Parse(data, False)
        except expat.ExpatError as error:
            raise ValueError(f"the server's XML is not well-formed: {error}") from None

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        element = Element(_clark(name), {_clark(k): v for k, v in attributes.items()})
        if not self._stack:
            self._emit(Received(element))
        elif len(self._stack) > 1:  # children of the root go to nobody but `emit`
            self._stack[-1].append(element)
        self._stack.append(element)

    def _end(self, _: str) -> None:
        element = self._stack.pop()
        if not self._stack:
            self._emit(EndOfStream())
        elif len(self._stack) == 1:
            self._emit(Received(element))

    def _text(self, text: str) -> None:
        if len(self._stack) < 2:
            return  # white space between stanzas
        parent = self._stack[-1]
        if len(parent):
            parent[-1].tail = (parent[-1].tail or "") + text
        else:
            parent.text = (parent.text or "") + text
