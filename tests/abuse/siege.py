"""What a test of the campaign works with: the daemon, the chat beside it, and its attackers."""

from __future__ import annotations

import secrets

from abuse.attacker import Attacker, header
from abuse.chat import Chat
from abuse.watch import Watch
from harness.node import Account, Event, Node

MIB = 1024 * 1024
HASTY = "127.0.0.2"    # where the daemon allows only seconds to negotiate
PROXIED = "127.0.0.3"  # where every connection begins with a PROXY header


class Siege:
    """Made for one test; `end` asserts that the daemon is as it was before."""

    def __init__(self, node: Node, chat: Chat, mallory: Account) -> None:
        self.node = node
        self.chat = chat
        self.mallory = mallory
        self.host = node.hosts[0]
        self.watch = Watch(node, chat)
        self.ip = "127.0.0.1"  # that is attacked
        self.memory_bound = 48 * MIB  # how much more may be resident afterwards
        self._attackers: list[Attacker] = []
        self._errors: list[tuple[str, str]] = []

    def connect(self, tls: str = "starttls", source: str = "127.0.0.1",
                receive_buffer: int = 0) -> Attacker:
        """TCP only, to the port with this kind of TLS."""
        attacker = Attacker(self.node.address(tls, self.ip), source, receive_buffer)
        self._attackers.append(attacker)
        return attacker

    def stream(self) -> Attacker:
        """A stream before TLS, of which the features are read."""
        attacker = self.connect()
        attacker.send(header(self.host))
        attacker.read_until(b"</stream:features>")
        return attacker

    def secure(self, source: str = "127.0.0.1", receive_buffer: int = 0) -> Attacker:
        """TLS, and nothing in it yet."""
        attacker = self.connect("direct", source, receive_buffer)
        attacker.wrap(self.host)
        return attacker

    def session(self, prefixes: str = "", receive_buffer: int = 0,
                account: Account | None = None) -> Attacker:
        attacker = self.secure(receive_buffer=receive_buffer)
        attacker.log_in(account or self.mallory, prefixes)
        return attacker

    def stranger(self) -> Account:
        """An account that no other test uses."""
        account = Account(f"stranger-{secrets.token_hex(4)}", self.host, secrets.token_hex(9))
        self.node.register(account)
        return account

    def expect_error(self, attacker: Attacker, condition: str) -> None:
        """The stream ended with this error and nothing else, and one line of the log says so."""
        errors = attacker.stream_errors()
        assert errors == [condition], (errors, attacker.received[-500:])
        assert attacker.received.endswith(b"</stream:stream>"), attacker.received[-500:]
        line = self.expect_line(attacker, "stream_error")
        assert line["condition"] == condition, line
        attacker.reset()

    def expect_line(self, attacker: Attacker, event: str) -> Event:
        line = self.watch.one_line(attacker.remote)
        assert line["event"] == event, line
        self._errors.append((attacker.remote, event))
        return line

    def end(self) -> None:
        self.chat.progress(1)
        for attacker in self._attackers:
            attacker.reset()
        self.watch.connections_gone()
        for remote, event in self._errors:
            lines = self.watch.lines(remote)
            assert [line["event"] for line in lines] == [event], lines
        self.watch.memory_flat(self.memory_bound)
