"""A chat client on slixmpp that is driven line by line; see README.md."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import slixmpp


def say(*fields: Any) -> None:
    print(*fields, sep="\t", flush=True)


class Chat(slixmpp.ClientXMPP):
    """Ends itself when told to, or when it cannot get online."""

    def __init__(self, jid: str, password: str, ca_file: str, stays: bool) -> None:
        super().__init__(jid, password)
        self._stays = stays
        if stays:
            self.register_plugin("xep_0198")
        self.ca_certs = Path(ca_file)
        self.roster.auto_authorize = None  # the driver answers requests
        self.roster.auto_subscribe = None
        self.done = asyncio.get_event_loop().create_future()
        self._online = False
        self._quitting = False
        self.add_event_handler("session_start", self._start)
        self.add_event_handler("message", lambda m: say("message", m["from"], m["body"]))
        self.add_event_handler("presence", self._presence)
        self.add_event_handler("roster_update", self._roster)
        self.add_event_handler("disconnected", self._disconnected)
        for event in ("connection_failed", "ssl_invalid_chain", "ssl_invalid_cert",
                      "failed_all_auth"):
            self.add_event_handler(event, self._failed)

    async def _start(self, _: Any) -> None:
        await self.get_roster()
        self.send_presence()
        self._online = True
        say("online", self.boundjid.full, self["feature_mechanisms"].mech.name)

    def _presence(self, presence: Any) -> None:
        say("presence", presence.xml.get("type", "available"), presence["from"])

    def _roster(self, iq: Any) -> None:
        for jid, item in iq["roster"]["items"].items():
            say("roster", jid, item["subscription"])

    def _failed(self, why: Any) -> None:
        if self._stays and self._online:
            return  # it tries again
        say("failed", str(why).replace("\n", " ") or "unknown")
        self._end(1)

    def _disconnected(self, _: Any) -> None:
        if self._stays and not self.done.done() and not self._quitting:
            self.connect(self.address, use_ssl=False)
            return
        say("offline") if self._online else say("failed", "disconnected")
        self._end(0 if self._online else 1)

    def _end(self, code: int) -> None:
        if not self.done.done():
            self.done.set_result(code)

    def command(self, line: bytes) -> None:
        name, *fields = line.decode().rstrip("\n").split("\t")
        if name == "message":
            self.send_message(mto=slixmpp.JID(fields[0]), mbody=fields[1], mtype="chat")
        elif name == "presence":
            presence = self.make_presence(pto=fields[1])
            presence["type"] = fields[0]
            presence.send()
        else:
            self._quitting = True
            self.disconnect()


async def read_commands(chat: Chat) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        chat.command(line)
    chat.command(b"quit\n")


async def main(jid: str, password: str, ip: str, port: str, tls: str, ca_file: str,
               *options: str) -> int:
    chat = Chat(jid, password, ca_file, "stay" in options)
    chat.connect((ip, int(port)), use_ssl=tls == "direct", disable_starttls=tls == "direct")
    commands = asyncio.ensure_future(read_commands(chat))
    code = await chat.done
    chat.abort()
    commands.cancel()
    return code


if __name__ == "__main__":
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    sys.exit(loop.run_until_complete(main(*sys.argv[1:])))
