"""A slixmpp client inside the test, for what its plugins do beyond chatting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import slixmpp

from harness.node import Account, Address
from harness.waiting import TIMEOUT_S


class Session(slixmpp.ClientXMPP):
    """Settles `started` when it has a session, `failed` or `ended` when it has not or no more."""

    def __init__(self, account: Account, ca_file: Path, plugins: list[str]) -> None:
        super().__init__(account.jid, account.password)
        self.ca_certs = ca_file
        for plugin in plugins:
            self.register_plugin(plugin)
        loop = asyncio.get_running_loop()
        self.started: asyncio.Future[str] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()
        self.add_event_handler("session_start", lambda _: self._start("started"))
        self.add_event_handler("failed_all_auth", lambda _: self._start("failed"))
        self.add_event_handler("disconnected", self._end)

    def _start(self, how: str) -> None:
        if not self.started.done():
            self.started.set_result(how)

    def _end(self, _: Any) -> None:
        self._start("disconnected")
        if not self.ended.done():
            self.ended.set_result(None)

    async def form_command(self, node: str, **fields: Any) -> Any:
        """Runs an ad-hoc command of the server (XEP-0050); fills in its form, if it has one."""
        adhoc = self["xep_0050"]
        host = self.boundjid.host
        answer = await adhoc.send_command(host, node, timeout=TIMEOUT_S)
        if answer["command"]["status"] == "completed":
            return answer["command"]
        form = answer["command"]["form"]
        offered = form.get_fields()
        form["type"] = "submit"
        for var, value in fields.items():
            name = var.replace("_verify", "-verify")
            assert name in offered, f"{node} does not ask for {name}, but for {list(offered)}"
            offered[name]["value"] = value
        answer = await adhoc.send_command(host, node, action="complete", payload=form,
                                          sessionid=answer["command"]["sessionid"],
                                          timeout=TIMEOUT_S)
        return answer["command"]


@asynccontextmanager
async def session(account: Account, address: Address, ca_file: Path, *plugins: str,
                  ) -> AsyncIterator[Session]:
    """Connected by STARTTLS; `started` says what became of the log-in."""
    client = Session(account, ca_file, list(plugins))
    client.connect((address.ip, address.port))
    try:
        await asyncio.wait_for(asyncio.shield(client.started), TIMEOUT_S)
        yield client
    finally:
        if client.started.done() and client.started.result() == "failed":
            await asyncio.wait_for(client.ended, TIMEOUT_S)  # it says goodbye by itself
        elif not client.ended.done():
            client.abort()
