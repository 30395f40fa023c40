"""Starling: nodes on loopback that share a PostgreSQL."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from cluster.members import PASSWORD, Accounts
from harness.authority import Authority
from harness.node import Event, Node, build_folder
from harness.ports import free_port
from harness.postgres import Postgres
from servers.accounts import HOST, keys


def register(postgres: Postgres, url: str, accounts: Accounts) -> None:
    """Makes them in a database that a node has prepared: thousands in a moment."""
    salt, iterations, stored, server = keys(PASSWORD)
    users = f"SELECT '{HOST}', 'u' || n"
    size, last = accounts.contacts + 1, accounts.users - 1
    postgres.query(
        f"INSERT INTO starling.account {users}, extract(epoch FROM now()) * 1000000 "
        f"FROM generate_series(0, {last}) n;"
        f"INSERT INTO starling.credential {users}, 'SCRAM-SHA-1', '\\x{salt.hex()}', "
        f"{iterations}, '\\x{stored.hex()}', '\\x{server.hex()}' "
        f"FROM generate_series(0, {last}) n;"
        f"INSERT INTO starling.map_entry SELECT 'u' || n || '@{HOST}', 'roster', "
        f"'u' || other || '@{HOST}', '<item subscription=''both'' kept=''true''/>'::bytea "
        f"FROM generate_series(0, {last}) n, generate_series(0, {last}) other "
        f"WHERE n / {size} = other / {size} AND n <> other; ANALYZE",
        url.rpartition("/")[2])


class StarlingMembers:
    """With a database of their own, as durable as its defaults make it."""

    name = "starling"

    def __init__(self, folder: Path, accounts: Accounts = Accounts(), **options: Any) -> None:
        """`options`: of the configuration, of every node."""
        self._options = options
        self._folder = folder
        self._accounts = accounts
        self._ports: dict[int, int] = {}
        self._authority = Authority(folder / "authority")
        self._nodes: dict[int, Node] = {}
        self._postgres = Postgres(free_port())
        self._postgres.start()
        self._url = self._postgres.new_database()
        self.database = int(self._postgres.query(
            "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)"))

    def version(self) -> str:
        def words(*command: str) -> str:
            return subprocess.run(command, capture_output=True, text=True,
                                  check=True).stdout.strip()

        return (f"Starling {words(str(build_folder() / 'starlingd'), '--version')}, "
                f"{words('/usr/sbin/nats-server', '--version').replace(': v', ' ')}, "
                f"PostgreSQL {self._postgres.query('SHOW server_version').split()[0]}")

    def start(self, number: int) -> None:
        is_first = not self._nodes
        if number not in self._nodes:
            ip, port = self.address(number)
            node = Node(self._folder / f"n{number}", self._authority, [HOST],
                        database=self._url,
                        cluster={"port": 0, "name": f"n{number}", "client_address": f"{ip}:{port}"},
                        loglevel="warning", log_levels={"starlingd": "info", "cluster": "info"},
                        **self._options)
            node.config["listen"] = [{"port": port, "ip": ip, "starttls_required": False}]
            self._nodes[number] = node
        self._nodes[number].start()
        if is_first:
            register(self._postgres, self._url, self._accounts)

    def kill(self, number: int) -> None:
        self._nodes[number].kill()

    def leave(self, number: int) -> None:
        self._nodes[number].stop()

    def address(self, number: int) -> tuple[str, int]:
        """Known before it starts, as it tells the other nodes (`cluster.client_address`)."""
        return "127.0.0.1", self._ports.setdefault(number, free_port())

    def pid(self, number: int) -> int:
        return self._nodes[number].pid

    def assert_home(self, user: str, number: int) -> None:
        answer = self._nodes[number].ctl("where", f"{user}@{HOST}")
        assert answer.get("home") == self._number_of(number), answer

    def _number_of(self, number: int) -> int:
        """That the node gave itself in the cluster at its start."""
        return int(self._nodes[number].log.wait("cluster_joined")["node"])

    def wait_until_known(self, number: int, by: int) -> None:
        node = self._number_of(number)

        def is_up(event: Event) -> bool:
            return event["node"] == node and event["state"] == "up"

        self._nodes[by].log.wait("cluster_node_seen", is_up)

    def wait_until_gone(self, number: int, by: int) -> None:
        node = self._number_of(number)
        self._nodes[by].log.wait("cluster_node_gone", lambda event: event["node"] == node)

    def sessions(self, by: int) -> list[int]:
        """Of each node, as one of them knows it; one that has just come has not said so yet."""
        said = (node["sessions"] for node in self._nodes[by].ctl("list_cluster"))
        return [0 if sessions == "unknown" else int(sessions) for sessions in said]

    def close(self) -> None:
        try:
            for node in self._nodes.values():
                node.stop()
        finally:
            self._postgres.close()
