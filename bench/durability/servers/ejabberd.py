"""Debian's ejabberd, with the archive of every message on, and no limits."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from pathlib import Path

from durability.servers.base import Process, cpu_seconds, free_port

_LIBRARIES = "/usr/lib/x86_64-linux-gnu"
_CONFIG = """\
hosts: [localhost]
loglevel: warning
listen:
  - {{port: {port}, ip: 127.0.0.1, module: ejabberd_c2s, access: all, shaper: none, backlog: 1024}}
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
  mod_mam: {{default: always, assume_mam_usage: true}}
  mod_offline: {{access_max_user_messages: max_user_offline_messages}}
  mod_ping: {{}}
  mod_privacy: {{}}
  mod_roster: {{}}
  mod_stream_mgmt: {{resend_on_timeout: if_offline}}
"""
_STORAGE = {
    "mnesia": "default_db: mnesia",
    "sqlite": "default_db: sql\nsql_type: sqlite\nsql_database: {folder}/ejabberd.sqlite",
}


class Ejabberd:
    """With the storage "mnesia" (the default) or "sqlite"."""

    def __init__(self, folder: Path, storage: str) -> None:
        self.name = f"ejabberd/{storage}"
        self._folder = folder
        self._process: Process | None = None
        self.address = ("127.0.0.1", free_port())
        self._api = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ejabberd.yml").write_text(_CONFIG.format(
            port=self.address[1], api=self._api,
            storage=_STORAGE[storage].format(folder=folder)))

    def version(self) -> str:
        run = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "ejabberd"],
                             capture_output=True, text=True, check=True)
        return f"ejabberd {run.stdout}"

    def prepare(self, users: list[str], password: str) -> None:
        self.start()
        for user in users:
            account = {"user": user, "host": "localhost", "password": password}
            request = urllib.request.Request(
                f"http://127.0.0.1:{self._api}/api/register", json.dumps(account).encode(),
                {"Content-Type": "application/json"})
            urllib.request.urlopen(request).close()
        self.stop()

    def start(self) -> None:
        # A node without a name needs no epmd, which would outlive it. Flags as ejabberdctl's.
        command = ["erl", "-noinput", "+K", "true", "+P", "250000",
                   "-mnesia", "dir", f'"{self._folder}/mnesia"', "-s", "ejabberd"]
        self._process = Process(command, self._folder, {
            "HOME": str(self._folder), "ERL_LIBS": _LIBRARIES, "ERL_MAX_PORTS": "32000",
            "ERL_CRASH_DUMP": str(self._folder / "crash.dump"),
            "EJABBERD_CONFIG_PATH": str(self._folder / "ejabberd.yml"),
            "EJABBERD_LOG_PATH": str(self._folder / "ejabberd.log")})
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
