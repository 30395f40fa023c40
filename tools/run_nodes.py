"""`./x run --nodes N`: a cluster on this machine to try things with.

Starts a PostgreSQL and N nodes, each with a nats-server of its own, in a temporary folder; says how
to connect to each; stops all of them on Ctrl-C. What was in it is gone then.
"""

from __future__ import annotations

import argparse
import json
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from harness.ports import free_port  # noqa: E402
from harness.postgres import Postgres  # noqa: E402  # the same that the tests use

_FIRST_PORT = 5222
_FIRST_HTTP_PORT = 5280
_PORTS_APART = 10
_START_S = 60


class Node:
    def __init__(self, number: int, folder: Path, database: str) -> None:
        self.name = f"node{number}"
        self.port = _FIRST_PORT + (number - 1) * _PORTS_APART
        self.http_port = _FIRST_HTTP_PORT + (number - 1) * _PORTS_APART
        self.folder = folder / self.name
        self.folder.mkdir()
        self.socket = self.folder / "ctl.sock"
        self.log = self.folder / "log"
        config = {
            "hosts": ["localhost"],
            "admins": ["alice@localhost"],
            "database": database,
            "data_dir": str(self.folder),
            "ctl_socket": str(self.socket),
            "listen": [{"port": self.port, "ip": "127.0.0.1"},
                       {"port": self.port + 1, "ip": "127.0.0.1", "tls": True},
                       {"port": self.http_port, "ip": "127.0.0.1", "module": "http"}],
            "cluster": {"name": self.name, "address": "127.0.0.1", "port": 0},
        }
        path = self.folder / "starling.yml"
        path.write_text(json.dumps(config, indent=1))  # JSON is YAML
        self.process = subprocess.Popen(
            [ROOT / "build/release/starlingd", "--config", path],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log.open("ab"),
            start_new_session=True)  # Ctrl-C is for us alone: they stop one after the other

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_S
        while b" node_ready " not in self.log.read_bytes():
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{self.name} did not start:\n{self.log.read_text()}")
            time.sleep(0.05)

    def ctl(self, *arguments: str) -> None:
        subprocess.run([ROOT / "build/release/starlingctl", "--socket", self.socket, *arguments],
                       stdout=subprocess.DEVNULL, check=True)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()


def greet(nodes: list[Node], passwords: dict[str, str], folder: Path) -> None:
    ctl = f"build/release/starlingctl --socket {nodes[0].socket}"
    print(f"\n{len(nodes)} nodes are one cluster and serve localhost.\n")
    for node in nodes:
        print(f"  {node.name}   127.0.0.1 port {node.port} (STARTTLS), {node.port + 1} (direct TLS)"
              f"   log: {node.log}")
    print("\nOpen:")
    for node in nodes:
        print(f"  {node.name}   http://localhost:{node.http_port}/admin     the operator's page\n"
              f"          http://localhost:{node.http_port}/chat      a web client\n"
              f"          http://localhost:{node.http_port}/metrics   numbers for Prometheus")
    print()
    for user, password in passwords.items():
        print(f"  {user}@localhost   password {password}" +
              ("   (an administrator)" if user == "alice" else ""))
    print(f"""
Log in with any two clients at different nodes; they see no difference. Certificates are
self-signed: tell your client to accept them.

Try:
  {ctl} list_cluster
  {ctl} where alice@localhost
  {ctl} leave_cluster {nodes[len(nodes) // 2].name}      # its clients go on elsewhere
  kill -9 {nodes[-1].process.pid}      # {nodes[-1].name}: who was there connects elsewhere
All is in {folder}. Stop: Ctrl-C""", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="./x run", description=__doc__)
    parser.add_argument("--nodes", type=int, required=True, help="how many")
    chosen = parser.parse_args()
    if not 1 <= chosen.nodes <= 20:
        parser.error("--nodes takes 1 to 20")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    database = Postgres(free_port())
    nodes: list[Node] = []
    try:
        database.start()
        with tempfile.TemporaryDirectory(prefix="starling-") as place:
            folder = Path(place)
            try:
                url = database.new_database()
                nodes += [Node(n, folder, url) for n in range(1, chosen.nodes + 1)]
                for node in nodes:
                    node.wait_until_ready()
                passwords = {user: secrets.token_hex(6) for user in ("alice", "bob")}
                for user, password in passwords.items():
                    nodes[0].ctl("register", user, "localhost", password)
                greet(nodes, passwords, folder)
                signal.pause()
            finally:
                for node in nodes:
                    node.stop()
    except KeyboardInterrupt:
        print()
    finally:
        database.close()


if __name__ == "__main__":
    main()
