"""Debian's ejabberd, without limits; passwords are kept as SCRAM keys, as its guide advises.

The Erlang machine has the flags of Debian's ejabberdctl, with room for as many processes and
sockets as the guide to performance recommends.
"""

from __future__ import annotations

import json
import urllib.request
from base64 import b64encode
from pathlib import Path
from typing import Any

from servers.accounts import HOST, keys, rosters
from harness.ports import free_port
from servers.base import DebianServer, Process, Setup

_LIBRARIES = "/usr/lib/x86_64-linux-gnu"
_CONFIG = """\
hosts: [localhost]
auth_method: mnesia
auth_password_format: scram
loglevel: warning
listen:
  - {{port: {port}, ip: 127.0.0.1, module: ejabberd_c2s, access: all, shaper: none,
     backlog: 1024{tls}}}
  - {{port: {api}, ip: 127.0.0.1, module: ejabberd_http, request_handlers: {{/api: mod_http_api}}}}
api_permissions:
  local: {{who: {{ip: 127.0.0.0/8}}, what: "*"}}
shaper_rules:
  max_user_offline_messages: infinity
{storage}
modules:
  mod_admin_extra: {{}}
  mod_blocking: {{}}
  mod_caps: {{}}
  mod_carboncopy: {{}}
  mod_client_state: {{}}
  mod_disco: {{}}
  mod_http_api: {{}}
{archive}
  mod_offline: {{access_max_user_messages: max_user_offline_messages}}
  mod_ping: {{}}
  mod_privacy: {{}}
  mod_roster: {{db_type: mnesia}}
  mod_stream_mgmt: {{resend_on_timeout: if_offline}}
"""
_STORAGE = {
    "mnesia": "default_db: mnesia",
    "sqlite": "default_db: sql\nsql_type: sqlite\nsql_database: {folder}/ejabberd.sqlite",
}
_ARCHIVE = "  mod_mam: {default: always, assume_mam_usage: true}"
# As ejabberd's own dump names them, whose form `load` reads.
_TABLES = """\
{tables, [
  {passwd, [{record_name, passwd}, {attributes, [us, password]}]},
  {roster, [{record_name, roster},
            {attributes, [usj, us, jid, name, subscription, ask, groups, askmessage, xs]}]}]}.
"""


def _as_term(*parts: str) -> str:
    return "{" + ",".join(f'<<"{part}">>' for part in parts) + "}"


class Ejabberd(DebianServer):
    """With the storage "mnesia" (the default) or "sqlite"."""

    title = "ejabberd"

    def __init__(self, folder: Path, setup: Setup) -> None:
        super().__init__()
        self.name = f"ejabberd/{setup.storage or 'mnesia'}"
        self.folder = folder
        self._api = free_port()
        self.flags: list[str] = []  # of Erlang, more than ejabberdctl's
        self.environment = {
            "HOME": str(folder), "ERL_LIBS": _LIBRARIES, "ERL_MAX_PORTS": "32000",
            "ERL_CRASH_DUMP": str(folder / "crash.dump"),
            "EJABBERD_CONFIG_PATH": str(folder / "ejabberd.yml"),
            "EJABBERD_LOG_PATH": str(folder / "ejabberd.log")}
        folder.mkdir(parents=True, exist_ok=True)
        tls = "" if setup.certificate is None else ", starttls: true, starttls_required: true"
        certificates = "" if setup.certificate is None else f"certfiles: [{setup.certificate}]\n"
        (folder / "ejabberd.yml").write_text(certificates + _CONFIG.format(
            port=self.address[1], api=self._api, tls=tls,
            archive=_ARCHIVE if setup.archive else "",
            storage=_STORAGE[setup.storage or "mnesia"].format(folder=folder)))

    def prepare(self, users: list[str], password: str, contacts: int = 0) -> None:
        dump = self.folder / "accounts.txt"
        with dump.open("w") as file:
            file.write(_TABLES)
            derived = keys(password)
            secrets = ",".join(f'<<"{b64encode(part).decode()}">>' for part in (
                derived.stored_key, derived.server_key, derived.salt))
            for user in users:
                file.write(f"{{passwd,{_as_term(user, HOST)},"
                           f"{{scram,{secrets},sha,{derived.iterations}}}}}.\n")
            for user, others in rosters(users, contacts):
                for other in others:
                    of, contact = _as_term(user, HOST), _as_term(other, HOST, "")
                    file.write(f"{{roster,{of[:-1]},{contact}}},{of},{contact},"
                               "<<>>,both,none,[],<<>>,[]}.\n")
        self.start()
        self.command("load", file=str(dump))
        self.stop()

    def command(self, name: str, **arguments: str) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._api}/api/{name}", json.dumps(arguments).encode(),
            {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def start(self) -> None:
        # A node without a name needs no epmd, which would outlive it. Flags as ejabberdctl's.
        command = ["erl", "-noinput", "+K", "true", "+P", "250000", *self.flags,
                   "-mnesia", "dir", f'"{self.folder}/mnesia"', "-s", "ejabberd"]
        self._process = Process(command, self.folder, self.environment)
        self._process.wait_for_port(self.address[1])
