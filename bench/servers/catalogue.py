"""Servers by name: the kind, and after a slash the storage if it is not the default one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from servers.base import Server, Setup
from servers.ejabberd import Ejabberd
from servers.prosody import Prosody
from servers.relay import Relay
from servers.starling import Starling

_KINDS: dict[str, Callable[[Path, Setup], Server]] = {
    "starling": Starling, "relay": Relay, "ejabberd": Ejabberd, "prosody": Prosody}
_PROGRAMS = {"ejabberd": "ejabberdctl", "prosody": "prosody"}


def make(name: str, folder: Path, setup: Setup) -> Server:
    kind, _, storage = name.partition("/")
    return _KINDS[kind](folder, replace(setup, storage=storage))


def is_installed(name: str) -> bool:
    program = _PROGRAMS.get(name.partition("/")[0])
    return program is None or shutil.which(program) is not None
