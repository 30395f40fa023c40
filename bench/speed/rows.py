"""The rows of the table: what is measured, on which servers, and what is aimed at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from speed.aims import Aim, AtMost, FlatFrom, PartOf, TimesRelay

_KIB = 1024
_STORAGES = ("ejabberd/mnesia", "ejabberd/sqlite", "prosody/internal", "prosody/sqlite")
_SQLITE = PartOf(30, storage="sqlite", whose="the better peer on SQLite")


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    sessions: int = 10_000
    runs: int = 3
    seconds: float = 5.0
    warmup: float = 2.0
    settle: float = 10.0  # before memory is read
    accounts: int = 1_000_000  # at start-up
    # Messages in an archive: what a peer can be filled with in some minutes (ejabberd's Mnesia and
    # both SQLite back ends take long), and two more to see whether a page costs the same in them.
    archives: tuple[int, int, int] = (2_000, 10_000, 1_000_000)
    rate: int = 1_000  # messages a second where latencies are compared
    pairs: tuple[tuple[int, int], ...] = (  # and bytes
        (2, 100), (100, 100), (100, 400), (1000, 100))
    many_pairs: int = 1000
    held: int = 2_000_000  # sessions whose connections are in memory
    held_messages: int = 500_000


QUICK = Size(sessions=1_000, runs=1, seconds=1.5, warmup=0.5, settle=2.0, accounts=50_000,
             archives=(500, 2_000, 20_000), pairs=((2, 100), (100, 100)), many_pairs=100,
             held=20_000,
             held_messages=20_000)


@dataclass(frozen=True)
class Field:
    """What the servers must be set up for; rows of one field are measured on the same processes."""

    tls: bool = False
    archive: bool = False
    accounts: int = 0
    contacts: int = 0
    fill: int = 0  # messages of the first pair that are in the archive
    held: int = 0  # no server: so many sessions of ours in one process (bench/held)
    messages: int = 0  # between those


@dataclass(frozen=True)
class Row:
    """One of the table."""

    name: str
    title: str
    field: Field
    load: tuple[str, ...]  # arguments
    figure: str  # of those that load prints
    unit: str
    aims: tuple[Aim, ...] = ()
    peers: tuple[str, ...] = ("relay", "ejabberd", "prosody")
    scale: float = 1.0
    fresh: bool = False  # the server is started anew for each run
    capacity: str = ""  # what of the table of capacities rests on it (speed/capacity.py)


def _word(tls: bool) -> str:
    return "tls" if tls else "plain"


def _chat(size: Size, window: int, tls: bool) -> Iterator[Row]:
    flight = "one in flight" if window == 1 else f"{window} in flight"
    aims: tuple[Aim, ...] = (TimesRelay(1.3),) if window == 1 else (AtMost(2.5, "µs"), PartOf(18))
    for pairs, number in size.pairs:
        yield Row(f"chat-{window}-{_word(tls)}-{pairs}x{number}",
                  f"chat, {flight}, {_word(tls)}, {pairs} pairs, {number} bytes",
                  Field(tls, accounts=2 * size.many_pairs),
                  ("--workload", "chat", "--no-store", "--pairs", str(pairs), "--bytes",
                   str(number), "--window", str(window)), "server_us", "µs a message", aims)


def _latency(size: Size, tls: bool) -> Row:
    return Row(f"latency-{_word(tls)}",
               f"chat, {_word(tls)}, {size.rate:,} messages a second: 99th percentile",
               Field(tls, accounts=2 * size.many_pairs),
               ("--workload", "chat", "--no-store", "--pairs", "100", "--rate", str(size.rate)),
               "p99_us", "µs", (PartOf(1),))


def _archived(size: Size, tls: bool) -> Iterator[Row]:
    """With TLS it is what a node reckons with: for that, no peers are needed."""
    for pairs, window in dict.fromkeys(((100, 1), (100, 8), (size.many_pairs, 8))):
        yield Row(f"archived-{'tls-' if tls else ''}{window}-{pairs}",
                  f"chat, archived, {'tls, ' if tls else ''}{window} in flight, {pairs} pairs",
                  Field(tls, archive=True, accounts=2 * size.many_pairs),
                  ("--workload", "chat", "--drain", "--pairs", str(pairs), "--window",
                   str(window)), "server_us", "µs a message",
                  () if tls else (PartOf(8, whose="the better peer's better storage"), _SQLITE),
                  () if tls else _STORAGES, capacity="stanzas" if tls else "")


def _idle(size: Size, tls: bool) -> Iterator[Row]:
    for sessions in dict.fromkeys((1000, size.sessions)):
        yield Row(f"idle-{_word(tls)}-{sessions}", f"idle session, {_word(tls)}, of {sessions:,}",
                  Field(tls, accounts=size.sessions),
                  ("--workload", "idle", "--sessions", str(sessions), "--settle",
                   str(size.settle)), "pss_per_session", "KiB",
                  (AtMost(12 if tls else 1.5, "KiB"),
                   *([FlatFrom(f"idle-{_word(tls)}-1000")] if sessions > 1000 else [])),
                  ("ejabberd", "prosody"), 1 / _KIB, True, "sessions" if tls else "")


def _held(size: Size) -> Iterator[Row]:
    field = Field(held=size.held, messages=size.held_messages)
    yield Row("held-memory", f"session of {size.held:,}, connection in memory", field, (),
              "bytes_per_session", "KiB", (), (), 1 / _KIB)
    yield Row("held-few", "message between random two of 1,000 such", field, (),
              "message_us_1000", "µs a message", (), ())
    yield Row("held-message", f"message between random two of {size.held:,} such", field, (),
              "message_us", "µs a message", (FlatFrom("held-few", 1.5),), ())


def _login(tls: bool, resumed: bool) -> Row:
    how = "TLS resumed" if resumed else _word(tls)
    of_ejabberd = PartOf(4 if resumed else 8, ("ejabberd",), whose="ejabberd")
    return Row("login-resumed" if resumed else f"login-{_word(tls)}",
               f"log-in, roster, presence, log-out; {how}", Field(tls, accounts=500),
               ("--workload", "login", "--sessions", "500", *(["--resume"] if resumed else [])),
               "server_us", "µs a log-in", (of_ejabberd,) if resumed or not tls else (),
               ("ejabberd", "prosody"))


def _presence(contacts: int, tls: bool) -> Row:
    sessions = 10 * (contacts + 1)
    return Row(f"presence-{_word(tls)}-{contacts}",
               f"presence to {contacts} contacts, {_word(tls)}",
               Field(tls, accounts=sessions, contacts=contacts),
               ("--workload", "presence", "--sessions", str(sessions), "--contacts",
                str(contacts)), "server_us", "µs a delivery", (TimesRelay(1.3),))


def _pages(size: Size) -> Iterator[Row]:
    compared, small, large = size.archives
    aims: dict[int, tuple[Aim, ...]] = {compared: (PartOf(10),), small: (),
                                        large: (FlatFrom(f"archive-{small}"),)}
    for messages in size.archives:
        yield Row(f"archive-{messages}", f"page of 50 of {messages:,} archived",
                  Field(archive=True, accounts=2, fill=messages),
                  ("--workload", "archive", "--sessions", "1"), "server_us", "µs a page",
                  aims[messages], _STORAGES if messages == compared else ())


def rows(size: Size) -> list[Row]:
    """In the order of the table."""
    table = [row for window in (1, 8) for tls in (False, True) for row in _chat(size, window, tls)]
    table += [_latency(size, tls) for tls in (False, True)]
    table += [row for tls in (False, True) for row in _archived(size, tls)]
    table += [row for tls in (False, True) for row in _idle(size, tls)]
    table += _held(size)
    table += [_login(False, False), _login(True, False), _login(True, True)]
    table += [_presence(contacts, tls) for contacts in (50, 100) for tls in (False, True)]
    table += _pages(size)
    table.append(Row("start-up", f"start-up with {size.accounts:,} accounts in SQLite",
                     Field(accounts=size.accounts), (), "seconds", "s", (AtMost(2, "s"),), (),
                     fresh=True))
    return table
