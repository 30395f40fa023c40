"""Debian's Prosody, with the archive of every message on and kept, and no limits."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from durability.servers.base import Process, cpu_seconds, free_port

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
  "csi_simple", "smacks", "mam", "offline" }}
modules_disabled = {{ "s2s", "limits" }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
default_archive_policy = true
archive_expires_after = "never"
storage_archive_item_limit = 1000000
max_archive_query_results = 100
{storage}
VirtualHost "localhost"
"""
_STORAGE = {
    "internal": 'storage = "internal"',
    "sqlite": 'storage = { accounts = "internal"; archive = "sql"; offline = "sql" }\n'
              'default_storage = "sql"\n'
              'sql = { driver = "SQLite3", database = "{folder}/data/prosody.sqlite" }',
}


class Prosody:
    """With the storage "internal" (files, the default) or "sqlite"."""

    def __init__(self, folder: Path, storage: str) -> None:
        self.name = f"prosody/{storage}"
        self._folder = folder
        self._process: Process | None = None
        self.address = ("127.0.0.1", free_port())
        folder.mkdir(parents=True, exist_ok=True)
        config = _CONFIG.replace("{storage}", _STORAGE[storage].replace("{", "{{")
                                 .replace("}", "}}").replace("{{folder}}", "{folder}"))
        (folder / "prosody.cfg.lua").write_text(
            config.format(folder=folder, port=self.address[1]))

    def version(self) -> str:
        run = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "prosody"],
                             capture_output=True, text=True, check=True)
        return f"Prosody {run.stdout}"

    def prepare(self, users: list[str], password: str) -> None:
        accounts = self._folder / "data/localhost/accounts"
        accounts.mkdir(parents=True)
        for user in users:
            assert re.fullmatch(r"\w+", user)
            (accounts / f"{user}.dat").write_text(f'return {{ ["password"] = "{password}"; }};\n')

    def start(self) -> None:
        self._process = Process(
            ["prosody", "-F", "--config", str(self._folder / "prosody.cfg.lua")], self._folder, {})
        self._process.wait_for_port(self.address[1])

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process = None

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()
            self._process = None

    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.pid())
