"""Debian's Prosody, with epoll, without limits; passwords are kept as SCRAM keys."""

from __future__ import annotations

import re
from pathlib import Path

from servers.accounts import HOST, keys, rosters
from servers.base import DebianServer, Process, Setup

_CONFIG = """\
run_as_root = true
pidfile = "{folder}/prosody.pid"
data_path = "{folder}/data"
log = {{ warn = "{folder}/prosody.log" }}
network_backend = "epoll"
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
c2s_direct_tls_ports = {{}}
s2s_ports = {{}}
modules_enabled = {{ "roster", "saslauth", "tls", "disco", "ping", "carbons", "blocklist",
  "csi_simple", "smacks", "offline"{archive} }}
modules_disabled = {{ "s2s", "limits" }}
{tls}
authentication = "internal_hashed"
default_archive_policy = true
archive_expires_after = "never"
storage_archive_item_limit = 1000000
max_archive_query_results = 100
{storage}
VirtualHost "localhost"
"""
_STORAGE = {
    "internal": 'storage = "internal"',
    "sqlite": 'storage = { accounts = "internal"; roster = "internal"; archive = "sql";'
              ' offline = "sql" }\n'
              'default_storage = "sql"\n'
              'sql = { driver = "SQLite3", database = "{folder}/data/prosody.sqlite" }',
}
_TLS = 'ssl = {{ certificate = "{certificate}"; key = "{certificate}" }}'


class Prosody(DebianServer):
    """With the storage "internal" (files, the default) or "sqlite"."""

    title = "Prosody"

    def __init__(self, folder: Path, setup: Setup) -> None:
        super().__init__()
        self.name = f"prosody/{setup.storage or 'internal'}"
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "prosody.cfg.lua").write_text(_CONFIG.format(
            folder=folder, port=self.address[1], archive=', "mam"' if setup.archive else "",
            tls="c2s_require_encryption = false" if setup.certificate is None else
            _TLS.format(certificate=setup.certificate),
            storage=_STORAGE[setup.storage or "internal"].replace("{folder}", str(folder))))

    def prepare(self, users: list[str], password: str, contacts: int = 0) -> None:
        derived = keys(password)
        account = (f'return {{ ["salt"] = "{derived.salt.decode()}"; '
                   f'["iteration_count"] = {derived.iterations}; '
                   f'["stored_key"] = "{derived.stored_key.hex()}"; '
                   f'["server_key"] = "{derived.server_key.hex()}"; }};\n')
        for user in users:
            assert re.fullmatch(r"\w+", user)
            self._write("accounts", user, account)
        for user, others in rosters(users, contacts):
            items = "".join(f'["{other}@{HOST}"] = {{ ["subscription"] = "both"; '
                            '["groups"] = {}; }; ' for other in others)
            self._write("roster", user,
                        f'return {{ [false] = {{ ["version"] = 1; }}; {items}}};\n')

    def _write(self, store: str, user: str, text: str) -> None:
        folder = self._folder / "data" / HOST / store
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{user}.dat").write_text(text)

    def start(self) -> None:
        self._process = Process(
            ["prosody", "-F", "--config", str(self._folder / "prosody.cfg.lua")], self._folder, {})
        self._process.wait_for_port(self.address[1])
