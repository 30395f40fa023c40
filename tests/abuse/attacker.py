"""A client that misbehaves: a blocking socket that sends any bytes, and reads only when told to."""

from __future__ import annotations

import base64
import re
import secrets
import socket
import ssl
import struct
from collections import deque

from harness.node import Account, Address
from harness.waiting import TIMEOUT_S
from harness.xmpp import sasl

ENDED = (ConnectionError, ssl.SSLError, BrokenPipeError)
_ERROR = re.compile(rb"<stream:error><([a-z-]+) xmlns='urn:ietf:params:xml:ns:xmpp-streams'")


def header(host: str, more: str = "") -> bytes:
    return (f"<?xml version='1.0'?><stream:stream to='{host}' version='1.0' xmlns='jabber:client'"
            f" xmlns:stream='http://etherx.jabber.org/streams'{more}>").encode()


def _client_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


_CONTEXT = _client_context()
_recent_ports: deque[tuple[str, int]] = deque(maxlen=1000)


def _bound_socket(source: str) -> socket.socket:
    """From a port that none of the last thousand attackers had: after a reset the kernel may give
    the same one again, and a line of the log could then be about either."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.bind((source, 0))
    if bound.getsockname() in _recent_ports:
        with bound:  # open until another one has been found
            return _bound_socket(source)
    _recent_ports.append(bound.getsockname())
    return bound


class Attacker:
    """One connection. `remote` is what the daemon's log calls it."""

    def __init__(self, address: Address, source: str = "127.0.0.1",
                 receive_buffer: int = 0) -> None:
        plain = _bound_socket(source)
        if receive_buffer:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.settimeout(TIMEOUT_S)
        plain.connect(address)
        self.remote = "{}:{}".format(*plain.getsockname())
        self.socket: socket.socket = plain
        self.received = b""

    def wrap(self, host: str, context: ssl.SSLContext = _CONTEXT) -> None:
        """TLS from here on."""
        self.socket = context.wrap_socket(self.socket, server_hostname=host)

    def start_tls(self, host: str) -> None:
        self.send(header(host))
        self.read_until(b"</stream:features>")
        self.send(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        self.read_until(b"<proceed")
        self.wrap(host)

    def authenticate(self, account: Account, prefixes: str = "") -> None:
        """PLAIN, on a connection that speaks TLS; `prefixes` go into the header that follows."""
        self.send(header(account.host))
        self.read_until(b"</stream:features>")
        initial = base64.b64encode(sasl.plain(account.user, account.password)).decode()
        self.send(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{initial}"
                  "</auth>".encode())
        self.read_until(b"<success")
        self.send(header(account.host, prefixes))
        self.read_until(b"</stream:features>")

    def log_in(self, account: Account, prefixes: str = "") -> None:
        self.authenticate(account, prefixes)
        self.bind(f"r{secrets.token_hex(6)}")

    def bind(self, resource: str) -> None:
        self.send("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                  f"<resource>{resource}</resource></bind></iq>".encode())
        answer = self.read_until(b"</iq>")
        self.jid = answer[answer.index(b"<jid>") + 5:answer.index(b"</jid>")].decode()

    def send(self, data: bytes) -> bool:
        """False if the connection has ended, which is for the test to expect or not."""
        try:
            self.socket.sendall(data)
        except ENDED:
            return False
        return True

    def send_singly(self, data: bytes) -> None:
        """Each byte in a segment, and with TLS in a record, of its own."""
        for byte in data:
            if not self.send(bytes([byte])):
                return

    def read(self) -> bytes:
        """What comes next; empty at the end, whatever kind of end it is."""
        try:
            data = self.socket.recv(65_536)
        except ENDED:
            return b""
        self.received += data
        return data

    def read_until(self, text: bytes) -> bytes:
        """Everything up to and including `text`; what follows stays for later."""
        while text not in self.received:
            assert self.read(), f"the connection ended before {text!r}: {self.received!r}"
        end = self.received.index(text) + len(text)
        taken, self.received = self.received[:end], self.received[end:]
        return taken

    def read_to_end(self) -> bytes:
        while self.read():
            pass
        return self.received

    def stream_errors(self) -> list[str]:
        """The conditions of all stream errors until the connection ended."""
        return [name.decode() for name in _ERROR.findall(self.read_to_end())]

    def finish_sending(self) -> None:
        """FIN, without a word of TLS."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the connection has ended already

    def reset(self) -> None:
        """RST."""
        if self.socket.fileno() >= 0:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.close()
