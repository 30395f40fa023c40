"""Plays a script against running servers."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from dialogues.language.names import UnknownName, substitute
from dialogues.language.script import Participant, Script
from dialogues.language.stage import Stage
from dialogues.language.steps import STEPS
from harness.node import Account, Address
from harness.waiting import TIMEOUT_S
from harness.xmpp.client import Client

_serial = itertools.count(1)


class Server(Protocol):
    """What a dialogue needs of a node; several that form one service may share the streams."""

    hosts: list[str]

    @property
    def ca_file(self) -> Path: ...

    def address(self, tls: str = "starttls") -> Address: ...

    def register(self, account: Account) -> None: ...


async def play(script: Script, servers: Sequence[Server]) -> str | None:
    """Why the servers did something else than the script says, or None if they did not.

    Each participant gets one of the servers, in turn.
    """
    stage = _set_up(script, servers)
    where = "before the first step"
    who: str | None = None
    try:
        await stage.prepare(script)
        for step in script.steps:
            where, who = f"line {step.line}: {step.text}", step.participant
            await STEPS[step.verb](stage, step)
        where, who = "after the last step", None
        await stage.nothing_is_left()
    except Exception as error:  # whatever went wrong is told with its place in the script
        return f"{script.path}: {where}\n{_explain(error)}{_transcripts(stage, who)}"
    finally:
        await stage.tear_down()
    return None


def _set_up(script: Script, servers: Sequence[Server]) -> Stage:
    hosts = servers[0].hosts
    names = {"host": hosts[0]} | {f"host{n}": host for n, host in enumerate(hosts, 1)}
    stage = Stage(names)
    accounts: dict[str, Account] = {}
    for participant, server in zip(script.participants.values(), itertools.cycle(servers)):
        account = _account(participant, names, accounts, servers[0])
        host = substitute(participant.host, names)
        client = Client(host, server.ca_file, account, participant.resource)
        stage.add(participant.name, client, server)
    return stage


def _account(participant: Participant, names: dict[str, str], accounts: dict[str, Account],
             server: Server) -> Account | None:
    """The participant's account, registered when it is first met."""
    user = participant.user
    if user is None:
        return None
    if user not in accounts:
        accounts[user] = Account(f"{user}.{next(_serial)}-{secrets.token_hex(3)}",
                                 substitute(participant.host, names), secrets.token_hex(9))
        server.register(accounts[user])
    return accounts[user]


def _explain(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"waited {TIMEOUT_S:.0f} s in vain"
    known = isinstance(error, (AssertionError, UnknownName))
    return str(error) if known else f"{type(error).__name__}: {error}"


def _transcripts(stage: Stage, who: str | None) -> str:
    """The last lines of the participant's stream, or of all."""
    text = ""
    for name, client in stage.clients.items():
        if client.transcript and who in (None, name):
            text += f"\n\nlast on the stream of {name}:\n  "
            text += "\n  ".join(client.transcript)
    return text
