"""What comes instead of a PROXY header, where a proxy is expected."""

from __future__ import annotations

import re
import struct

import pytest

from abuse.attacker import header
from abuse.siege import PROXIED, Siege

_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"

_GARBAGE = {
    "xml": header("example.test"),
    "http": b"GET / HTTP/1.1\r\nHost: example.test\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(64)),
    "zeros": bytes(64),
    "v1_words": b"PROXY TCP4 here there 1 2\r\n",
    "v1_port": b"PROXY TCP4 192.0.2.1 192.0.2.2 99999 5222\r\n",
    "v1_family": b"PROXY TCP6 192.0.2.1 192.0.2.2 1 5222\r\n",
    "v1_endless": b"PROXY TCP4 " + b"1" * 200,
    "v2_version": _SIGNATURE + b"\x11\x11\x00\x0c" + bytes(12),
    "v2_command": _SIGNATURE + b"\x2f\x11\x00\x0c" + bytes(12),
    "v2_short": _SIGNATURE + b"\x21\x11\x00\x04" + bytes(4),
    "v2_huge": _SIGNATURE + b"\x21\x11" + struct.pack(">H", 65_535),
}


def _refused(siege: Siege) -> int:
    found = re.search(r"^starling_proxy_headers_invalid_total (\d+)", siege.node.ctl("metrics"),
                      re.MULTILINE)
    return int(found.group(1)) if found else 0


@pytest.mark.parametrize("garbage", _GARBAGE.values(), ids=_GARBAGE.keys())
def test_no_header_no_stream(siege: Siege, garbage: bytes) -> None:
    """Counted each time; the log has a line a second at most, whatever the number of attempts."""
    before = _refused(siege)
    siege.ip = PROXIED
    attacker = siege.connect()
    attacker.send(garbage)
    assert attacker.read_to_end() == b""
    assert _refused(siege) == before + 1
    assert any(e["event"] == "proxy_header_invalid" for e in siege.node.log.events)


def test_a_header_names_the_client(siege: Siege) -> None:
    """Piece by piece, and what follows it at once is the stream."""
    siege.ip = PROXIED
    for text in (b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 5222\r\n",
                 _SIGNATURE + b"\x21\x11\x00\x0c" + bytes([192, 0, 2, 7, 192, 0, 2, 1])
                 + struct.pack(">HH", 4711, 5222)):
        attacker = siege.connect()
        for at in range(len(text) - 1):
            attacker.send(text[at:at + 1])
        attacker.send(text[-1:] + header("nowhere.test"))
        errors = attacker.stream_errors()
        assert errors == ["host-unknown"]
    siege.watch.until(lambda: len(siege.watch.lines("192.0.2.7:4711")) == 2, "the lines of both")
