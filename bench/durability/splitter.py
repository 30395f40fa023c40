"""Cuts what a server writes into the stream's elements, by plain string matching.

Good for the servers of the campaign, which write no comments, no CDATA, no raw `>` in attributes,
and the stream's namespace always with the prefix `stream`; a whole XML parser would cost the load
client more than the server spends.
"""

from __future__ import annotations

import functools
import re

_NAME = re.compile(rb"<(/?[A-Za-z][\w:.-]*)")
STREAM_END = b"/stream:stream"
Element = tuple[bytes, bytes]  # its name as written, and all of it


@functools.cache
def _opening(name: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"<" + re.escape(name) + rb"[\s>/]")


def _end(buffer: bytes, name: bytes, tag_end: int) -> int:
    """Behind the element whose first tag ends at `tag_end`; -1 if it is not all there."""
    if buffer[tag_end - 1] == 0x2F or name[0] == 0x2F:  # '/'
        return tag_end + 1
    closing, at, depth = b"</" + name + b">", tag_end, 1
    while depth:
        found = buffer.find(closing, at)
        if found < 0:
            return -1
        depth += len(_opening(name).findall(buffer, at, found)) - 1
        at = found + len(closing)
    return at


class Splitter:
    """Keeps the bytes of an unfinished element until the rest of it comes."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Element]:
        """The elements that these bytes complete; headers of streams are left out."""
        buffer, at, found = self._rest + data, 0, []
        while (start := buffer.find(b"<", at)) >= 0 and (tag_end := buffer.find(b">", start)) >= 0:
            match = _NAME.match(buffer, start)
            if match is None or match[1] == b"stream:stream":  # <?xml ...?> or a header
                at = tag_end + 1
                continue
            end = _end(buffer, match[1], tag_end)
            if end < 0:
                break
            found.append((match[1], buffer[start:end]))
            at = end
        self._rest = buffer[at:]
        return found
