"""What each step of a script does."""

from __future__ import annotations

import itertools
import re
from collections.abc import Awaitable, Callable

from dialogues.language.names import substitute
from dialogues.language.pattern import Mismatch, Pattern, match, parse_patterns
from dialogues.language.script import Step
from dialogues.language.stage import Stage, Unmet, listing
from harness.waiting import TIMEOUT_S
from harness.xmpp.client import Client, SaslFailed
from harness.xmpp.items import (STREAM, STREAM_ERRORS, Closed, Declaration, EndOfStream, Item,
                                Received, to_text)


async def _next(client: Client, wanted: str) -> Item:
    """The next item that is no XML declaration."""
    try:
        item = await client.next()
        while isinstance(item, Declaration):
            item = await client.next()
    except TimeoutError:
        raise Unmet(f"nothing came in {TIMEOUT_S:.0f} s; expected {wanted}") from None
    return item


# One function per verb

async def _open_tcp(stage: Stage, step: Step) -> None:
    address = stage.server(step.participant).address("starttls")
    await stage.clients[step.participant].open(address)


async def _open_tls(stage: Stage, step: Step) -> None:
    address = stage.server(step.participant).address("direct")
    await stage.clients[step.participant].open(address, direct_tls=True)


async def _open_stream(stage: Stage, step: Step) -> None:
    host = step.arguments.get("host")
    stage.clients[step.participant].open_stream(substitute(host, stage.names) if host else None)


async def _start_tls(stage: Stage, step: Step) -> None:
    await stage.clients[step.participant].start_tls()


async def _negotiate_tls(stage: Stage, step: Step) -> None:
    direct = "direct" in step.arguments
    address = stage.server(step.participant).address("direct" if direct else "starttls")
    await stage.clients[step.participant].negotiate_tls(address, direct)


async def _authenticate(stage: Stage, step: Step) -> None:
    wanted = step.arguments.get("condition")
    options = {k: substitute(v, stage.names) for k, v in step.arguments.items()
               if k != "condition"}
    try:
        await stage.clients[step.participant].authenticate(**options)
    except SaslFailed as failure:
        if failure.condition != wanted:
            raise Unmet(f"refused with <{failure.condition}/>") from None
    else:
        if wanted:
            raise Unmet("was not refused")


async def _bind(stage: Stage, step: Step) -> None:
    await stage.clients[step.participant].bind()
    stage.learn_jid(step.participant)


async def _connect(stage: Stage, step: Step) -> None:
    await stage.connect(step.participant, "direct" in step.arguments)


async def _go_online(stage: Stage, step: Step) -> None:
    if not stage.clients[step.participant].bound:
        await stage.connect(step.participant)
    await stage.go_online(step.participant, step.arguments.get("priority"))


async def _disconnect(stage: Stage, step: Step) -> None:
    client = stage.clients[step.participant]
    if client.bound:
        await stage.settle(step.participant)
    stage.nothing_waits(step.participant)
    await client.close()


async def _drop(stage: Stage, step: Step) -> None:
    stage.clients[step.participant].drop()


async def _send(stage: Stage, step: Step) -> None:
    stage.clients[step.participant].write(substitute(step.block, stage.names, quote=True))


async def _write(stage: Stage, step: Step) -> None:
    data = substitute(step.block, stage.names, quote=True).encode()
    data = re.sub(rb"\\x([0-9a-fA-F]{2})", lambda m: bytes([int(m[1], 16)]), data)
    stage.clients[step.participant].write(data)


async def _receive(stage: Stage, step: Step) -> None:
    for pattern in step.patterns:
        item = await _next_for(stage, step.participant, [pattern], [], f"line {pattern.line}")
        try:
            if not isinstance(item, Received):
                raise Mismatch(f"expected {pattern.name}")
            stage.names = match(pattern, item.element, stage.names)
        except Mismatch as why:
            raise Unmet(f"line {pattern.line}: {why}\nexpected:\n"
                        f"{listing(step.block.splitlines())}\nreceived:\n  {item}") from None


async def _receive_any_order(stage: Stage, step: Step) -> None:
    came: list[Item] = []
    for missing in range(len(step.patterns), 0, -1):
        try:
            came.append(await _next_for(stage, step.participant, step.patterns, came,
                                        f"{missing} more"))
        except Unmet as why:
            raise Unmet(f"{why}\nexpected:\n{listing(step.block.splitlines())}\n"
                        f"received:\n{listing(came)}") from None
    found = _assign(step.patterns, came, stage.names)
    if found is None:
        raise Unmet(f"{_closest(step.patterns, came, stage.names)}\nexpected, in any order:\n"
                    f"{listing(step.block.splitlines())}\nreceived:\n{listing(came)}")
    stage.names = found


async def _next_for(stage: Stage, name: str, patterns: list[Pattern], came: list[Item],
                    wanted: str) -> Item:
    """The next item; presence that only repeats what the participant has had is passed over,
    unless it is what a pattern waits for that none of those that `came` meets."""
    while True:
        item = await _next(stage.clients[name], wanted)
        items = [*came, item]
        waited_for = any(_assign(list(some), items, stage.names) is not None
                         for some in itertools.combinations(patterns, len(items)))
        if waited_for or not stage.is_repeated(name, item):
            stage.taken(name, item)
            return item


def _assign(patterns: list[Pattern], came: list[Item],
            names: dict[str, str]) -> dict[str, str] | None:
    """Names after matching each pattern to an item of its own, or None."""
    if not patterns:
        return names
    for at, item in enumerate(came):
        if not isinstance(item, Received):
            continue
        try:
            found = match(patterns[0], item.element, names)
        except Mismatch:
            continue
        if (rest := _assign(patterns[1:], came[:at] + came[at + 1:], found)) is not None:
            return rest
    return None


def _closest(patterns: list[Pattern], came: list[Item], names: dict[str, str]) -> str:
    """Why the items that match no pattern do not."""
    reasons = []
    for item in came:
        tried = []
        for pattern in patterns:
            if isinstance(item, Received) and _assign([pattern], [item], names) is not None:
                break
            try:
                if isinstance(item, Received):
                    match(pattern, item.element, names)
            except Mismatch as why:
                tried.append(f"    line {pattern.line}: {why}")
        else:
            reasons += [f"matches none: {item}", *tried]
    return "\n".join(reasons) or "one pattern is met twice, another not at all"


async def _offered(stage: Stage, step: Step) -> None:
    """The features that the client has taken at the latest."""
    features = stage.clients[step.participant].features
    if features is None or len(step.patterns) != 1:
        raise Unmet("no features, or not one pattern of them")
    try:
        stage.names = match(step.patterns[0], features, stage.names)
    except Mismatch as why:
        raise Unmet(f"{why}\noffered:\n  {to_text(features)}") from None


async def _differ(stage: Stage, step: Step) -> None:
    one, other = (substitute(f"{{{step.arguments[key]}}}", stage.names)
                  for key in ("one", "other"))
    if one == other:
        raise Unmet(f"both are {one!r}")


async def _receive_nothing(stage: Stage, step: Step) -> None:
    client = stage.clients[step.participant]
    if not client.bound:
        raise Unmet(f"{step.participant} has no session that could be asked")
    await stage.settle(step.participant)
    stage.nothing_waits(step.participant)


async def _receive_declaration(stage: Stage, step: Step) -> None:
    item = await stage.clients[step.participant].next()
    if not isinstance(item, Declaration):
        raise Unmet(f"received first: {item}")


async def _closed(stage: Stage, step: Step) -> None:
    """A stream error if one is named, the end of the stream, the end of the connection."""
    client = stage.clients[step.participant]
    condition = step.arguments.get("condition")
    item = await _next(client, step.text)
    if isinstance(item, Received) and item.element.tag == f"{{{STREAM}}}stream" and condition:
        item = await _next(client, step.text)  # the header an error must follow (4.9.1.2)
    if condition:
        pattern, = parse_patterns(f"<stream:error><{condition} xmlns='{STREAM_ERRORS}'>...</"
                                  f"{condition}>...</stream:error>", step.line)
        if not isinstance(item, Received):
            raise Unmet(f"received instead of a stream error: {item}")
        try:
            match(pattern, item.element, stage.names)
        except Mismatch as why:
            raise Unmet(f"{why}\nreceived: {to_text(item.element)}") from None
        item = await _next(client, "</stream:stream>")
    if not isinstance(item, EndOfStream):
        raise Unmet(f"received instead of the stream's end: {item}")
    if not client.connection.closed:
        client.write("</stream:stream>")  # ours: the server may wait for it (RFC 6120, 4.4)
    item = await _next(client, "the connection's end")
    if not isinstance(item, Closed):
        raise Unmet(f"received after the stream's end: {item}")
    client.drop()


STEPS: dict[str, Callable[[Stage, Step], Awaitable[None]]] = {
    "open tcp": _open_tcp, "open tls": _open_tls, "open stream": _open_stream,
    "start tls": _start_tls, "negotiate tls": _negotiate_tls, "authenticate": _authenticate,
    "bind": _bind, "connect": _connect, "go online": _go_online, "disconnect": _disconnect,
    "drop": _drop, "send": _send, "write": _write, "receive": _receive,
    "receive any order": _receive_any_order, "receive nothing": _receive_nothing,
    "offered": _offered, "differ": _differ, "receive declaration": _receive_declaration,
    "closed": _closed,
}
