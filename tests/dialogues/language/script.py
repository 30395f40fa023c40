"""Reads a dialogue file into participants and steps; ../README.md describes the language."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

from dialogues.language.names import NAME
from dialogues.language.pattern import Pattern, parse_patterns

_WORD = r"[a-z][a-z0-9_]*"
_DECLARATIONS = {
    "user": rf"(?P<name>{_WORD}) is a (?P<kind>user|bystander)"
            r"(?: at (?P<host>\S+?))?(?:,? with resource (?P<resource>.+))?",
    "session": rf"(?P<name>{_WORD}) is (?P<of>{_WORD})(?: too)?,? with resource (?P<resource>.+)",
    "stream": rf"(?P<name>{_WORD}) is a stream(?: to (?P<host>\S+))?",
    "contacts": rf"(?P<name>{_WORD}) and (?P<other>{_WORD}) are contacts",
}
_STEPS = {
    "open tcp": r"opens tcp",
    "open tls": r"opens direct tls",
    "open stream": r"opens stream(?: to (?P<host>\S+))?",
    "start tls": r"starts tls",
    "negotiate tls": r"negotiates (?P<direct>direct )?tls",
    "authenticate": r"authenticates(?: with (?P<mechanism>[A-Z0-9-]+))?(?: as '(?P<user>.*?)')?"
                    r"(?: using '(?P<password>.*?)')?(?: binding (?P<binding>\S+))?"
                    r"(?:, refused with (?P<condition>\S+))?",
    "bind": r"binds",
    "connect": r"connects(?P<direct> over direct tls)?",
    "go online": r"goes online(?: with priority (?P<priority>-?\d+))?",
    "disconnect": r"disconnects",
    "drop": r"drops",
    "send": r"sends:",
    "write": r"writes:",
    "receive": r"receives:",
    "receive any order": r"receives in any order:",
    "offered": r"was offered:",
    "differ": r"sees that \{(?P<one>\S+)\} and \{(?P<other>\S+)\} differ",
    "receive nothing": r"receives nothing",
    "receive declaration": r"receives the xml declaration",
    "closed": r"is closed(?: with (?P<condition>\S+))?",
}


class ScriptError(Exception):
    """The file does not follow the language."""


@dataclass
class Participant:
    """One stream: of an account (`user` tells which, by the name it was declared under) or not."""

    name: str
    line: int
    user: str | None
    host: str
    resource: str | None
    bystander: bool = False


@dataclass
class Step:
    """One thing that one participant does or sees."""

    line: int
    text: str
    participant: str
    verb: str
    arguments: dict[str, str] = field(default_factory=dict)
    block: str = ""
    patterns: list[Pattern] = field(default_factory=list)


@dataclass
class Script:
    """One file."""

    path: Path
    participants: dict[str, Participant] = field(default_factory=dict)
    contacts: list[tuple[str, str]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


def load(path: Path) -> Script:
    """Raises ScriptError."""
    return parse(path.read_text(encoding="utf-8"), path)


def parse(text: str, path: Path = Path("dialogue")) -> Script:
    return _Reader(text, path).read()


class _Reader:
    def __init__(self, text: str, path: Path) -> None:
        self._lines = text.splitlines()
        self._at = 0
        self._script = Script(path)

    def read(self) -> Script:
        while self._at < len(self._lines):
            line = self._lines[self._at]
            self._at += 1
            if not line.strip() or line.startswith("#"):
                continue
            if line[0].isspace():
                raise self._error("an indented line that belongs to no step")
            self._statement(line.rstrip())
        if not self._script.steps:
            raise ScriptError(f"{self._script.path}: no steps")
        acting = {step.participant for step in self._script.steps}
        for participant in self._script.participants.values():
            if participant.name not in acting and not participant.bystander:
                raise ScriptError(f"{self._script.path}:{participant.line}: "
                                  f"{participant.name} does nothing")
        return self._script

    def _statement(self, line: str) -> None:
        for kind, expression in _DECLARATIONS.items():
            if found := re.fullmatch(expression, line):
                if self._script.steps:
                    raise self._error("declarations come before steps")
                return self._declare(kind, {k: v for k, v in found.groupdict().items() if v})
        name, _, rest = line.partition(" ")
        if name not in self._script.participants:
            raise self._error(f"neither a declaration nor a participant: {line!r}")
        for verb, expression in _STEPS.items():
            if found := re.fullmatch(expression, rest):
                arguments = {k: v for k, v in found.groupdict().items() if v is not None}
                step = Step(self._at, line, name, verb, arguments)
                if line.endswith(":"):
                    self._read_block(step)
                self._script.steps.append(step)
                return None
        raise self._error(f"no such step: {rest!r}")

    def _declare(self, kind: str, words: dict[str, str]) -> None:
        participants, name = self._script.participants, words["name"]
        if kind == "contacts":
            for who in (name, words["other"]):
                if who not in participants or participants[who].user != who:
                    raise self._error(f"{who} is not a user")
            self._script.contacts.append((name, words["other"]))
            return
        if name in participants:
            raise self._error(f"{name} is there already")
        host = words.get("host", "{host}")
        if kind == "stream":
            participants[name] = Participant(name, self._at, None, host, None)
        elif kind == "user":
            participants[name] = Participant(name, self._at, name, host,
                                             words.get("resource", name),
                                             words["kind"] == "bystander")
        else:
            of = participants.get(words["of"])
            if of is None or of.user is None:
                raise self._error(f"{words['of']} is not a user")
            participants[name] = Participant(name, self._at, of.user, of.host, words["resource"])

    def _read_block(self, step: Step) -> None:
        lines = []
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if line.strip() and not line[0].isspace():
                break
            lines.append(line)
            self._at += 1
        step.block = textwrap.dedent("\n".join(lines)).strip("\n").rstrip()
        if not step.block:
            raise self._error(f"nothing follows {step.text!r}")
        if step.verb == "write":
            return
        # `sends:` is parsed as well, so that only `writes:` can send what is not well-formed.
        source = step.block if step.verb != "send" else NAME.sub("x", step.block)
        skipped = next(i for i, line in enumerate(lines) if line.strip())
        try:
            step.patterns = parse_patterns(source, step.line + 1 + skipped)
        except ValueError as error:
            raise ScriptError(f"{self._script.path}: {error}") from None

    def _error(self, why: str) -> ScriptError:
        return ScriptError(f"{self._script.path}:{self._at}: {why}")
