"""Broken, abandoned and outdated TLS, and tricks with what TLS allows."""

from __future__ import annotations

import os
import random
import select
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from abuse.attacker import Attacker, header
from abuse.siege import Siege
from abuse.test_negotiation import client_hello
from harness.waiting import TIMEOUT_S

ALERT = b"\x15\x03"


def expect_lost(siege: Siege, attacker: Attacker, reason: str) -> None:
    line = siege.expect_line(attacker, "connection_lost")
    assert line["reason"] == reason, line


def test_client_hello_cut_anywhere(siege: Siege) -> None:
    hello = client_hello(siege.host)
    for length in (0, 1, 2, 4, 5, 6, 9, 10, 43, 44, 76, len(hello) // 2, len(hello) - 1):
        attacker = siege.connect("direct")
        attacker.send(hello[:length])
        attacker.finish_sending()
        assert attacker.read_to_end() == b""
        expect_lost(siege, attacker, "closed-by-peer")


def test_client_hello_cut_and_gone_on_with_noise(siege: Siege) -> None:
    hello = client_hello(siege.host)
    for length in (0, 1, 5, 9, 44, len(hello) // 2):
        attacker = siege.connect("direct")
        attacker.send(hello[:length] + random.Random(length).randbytes(70_000))
        attacker.read_to_end()
        expect_lost(siege, attacker, "tls-error")


@pytest.mark.parametrize("payload", [header("example.test"), b"GET / HTTP/1.1\r\n\r\n",
                                     b"\x80\x2e\x01\x00\x02" + b"\0" * 70_000])
def test_no_tls_where_tls_belongs(siege: Siege, payload: bytes) -> None:
    attacker = siege.connect("direct")
    attacker.send(payload)
    attacker.read_to_end()
    expect_lost(siege, attacker, "tls-error")


@pytest.mark.parametrize("end", [Attacker.finish_sending, Attacker.reset])
def test_handshake_abandoned(siege: Siege, end: Callable[[Attacker], None]) -> None:
    for port in ("direct", "starttls"):
        attacker = siege.connect(port)
        if port == "starttls":
            attacker.send(header(siege.host))
            attacker.read_until(b"</stream:features>")
            attacker.send(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
            attacker.read_until(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        attacker.send(client_hello(siege.host))
        attacker.read_until(b"\x16\x03\x03")  # it has answered
        end(attacker)
        siege.expect_line(attacker, "connection_lost")


@pytest.mark.parametrize("minor", [0, 1, 2])
def test_old_versions(siege: Siege, minor: int) -> None:
    """SSL 3.0, TLS 1.0 and 1.1: handshake_failure (40) or protocol_version (70)."""
    version = bytes([3, minor])
    body = version + bytes(32) + b"\0" + b"\0\x04\xc0\x14\x00\x2f" + b"\x01\0"
    handshake = b"\x01" + len(body).to_bytes(3, "big") + body
    attacker = siege.connect("direct")
    attacker.send(b"\x16" + version + len(handshake).to_bytes(2, "big") + handshake)
    answer = attacker.read_to_end()
    assert answer[:2] == ALERT and answer[5:] in (b"\x02\x28", b"\x02\x46"), answer
    expect_lost(siege, attacker, "tls-error")


def test_alerts_without_end(siege: Siege) -> None:
    attacker = siege.connect("direct")
    attacker.send(b"\x15\x03\x01\0\x02\x01\0" * 10_000)
    attacker.read_to_end()
    expect_lost(siege, attacker, "tls-error")


BENEATH = {
    "noise": random.Random(1).randbytes(5000),
    "record that is no record": b"\x17\x03\x03\0\x20" + b"x" * 32,
    "record too large": b"\x17\x03\x03\xff\xff" + b"x" * 70_000,
    "handshake in the clear": client_hello("example.test"),
    "alert in the clear": b"\x15\x03\x03\0\x02\x02\x28",
    "text": header("example.test"),
}


@pytest.mark.parametrize("name", BENEATH)
def test_garbage_beneath_tls(siege: Siege, name: str) -> None:
    """Bytes on the wire that were never encrypted."""
    attacker = siege.session()
    try:
        os.write(attacker.socket.fileno(), BENEATH[name])
    except ConnectionError:
        pass
    attacker.read_to_end()
    expect_lost(siege, attacker, "tls-error")


@pytest.mark.parametrize("rest", [b"", b"\x17\x03\x03\0\x40" + b"x" * 10])
def test_fin_without_close_notify(siege: Siege, rest: bytes) -> None:
    attacker = siege.session()
    os.write(attacker.socket.fileno(), rest)
    attacker.finish_sending()
    expect_lost(siege, attacker, "closed-by-peer")


@pytest.mark.parametrize("place", ["starttls", "direct", "inside"])
def test_binary_noise(siege: Siege, place: str) -> None:
    """Whatever it is: the connection ends, with one line."""
    for seed in range(12):
        dice = random.Random(f"{place} {seed}")
        attacker = siege.secure() if place == "inside" else siege.connect(place)
        attacker.send(dice.randbytes(dice.choice([1, 2, 5, 100, 1500, 20_000, 70_000])))
        if place != "inside":
            attacker.finish_sending()
            attacker.read_to_end()
        attacker.reset()
        assert siege.watch.one_line(attacker.remote)["event"] in (
            "stream_error", "connection_lost")


class OpenSsl:
    """`openssl s_client`, which knows tricks that Python does not, from an address of its own."""

    def __init__(self, siege: Siege, source: str, *options: str) -> None:
        ip, port = siege.node.address("direct")
        self.remote = f"{source}:"
        self.output = b""
        self._process = subprocess.Popen(
            ["openssl", "s_client", "-connect", f"{ip}:{port}", "-bind", f"{source}:0",
             "-servername", siege.host, *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def read_until(self, text: bytes) -> None:
        """Up to the text, or the end of the output."""
        assert self._process.stdout is not None
        while text not in self.output:
            ready, _, _ = select.select([self._process.stdout], [], [], TIMEOUT_S)
            assert ready, self.output
            data = os.read(self._process.stdout.fileno(), 65_536)
            if not data:
                return
            self.output += data

    def end(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=TIMEOUT_S)


def test_renegotiation(siege: Siege) -> None:
    client = OpenSsl(siege, "127.0.4.1", "-tls1_2")
    client.read_until(b"Verify return code")
    client.write(b"R\n")
    client.read_until(b"no renegotiation")
    assert b"no renegotiation" in client.output, client.output
    client.end()
    siege.watch.one_line(client.remote)


def test_early_data(siege: Siege, tmp_path: Path) -> None:
    """Data that comes with the ClientHello could be a replay: no ticket of ours allows it."""
    ticket = tmp_path / "session.pem"
    early = tmp_path / "early"
    early.write_bytes(header(siege.host))
    first = OpenSsl(siege, "127.0.4.2", "-tls1_3", "-sess_out", str(ticket))
    siege.watch.until(lambda: ticket.exists() and "END SSL" in ticket.read_text(), "no ticket")
    first.end()
    second = OpenSsl(siege, "127.0.4.3", "-tls1_3", "-sess_in", str(ticket),
                     "-early_data", str(early))
    second.read_until(b"Early data was")
    assert b"Early data was not sent" in second.output, second.output
    second.write(header(siege.host))
    second.read_until(b"</stream:features>")
    assert second.output.count(b"<stream:features>") == 1, second.output
    second.end()
    for client in (first, second):
        siege.watch.one_line(client.remote)


def test_key_updates(siege: Siege) -> None:
    client = OpenSsl(siege, "127.0.4.4", "-tls1_3")
    client.read_until(b"Verify return code")
    for _ in range(200):
        client.output = b""
        client.write(b"K\n")
        client.read_until(b"KEYUPDATE")
    siege.chat.progress()
    client.write(header(siege.host))
    client.read_until(b"</stream:features>")
    assert b"</stream:features>" in client.output, client.output
    client.end()
    siege.watch.one_line(client.remote)
