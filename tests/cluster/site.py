"""The nodes of a cluster, each at a host of its own, and what their logs say of one another."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from conftest import HOSTS
from harness.authority import Authority
from harness.network import Host, Network
from harness.node import Account, Address, Event, Node
from harness.postgres import Postgres

_PORT = 5223
# Much shorter than the defaults, for tests in which nodes die.
HASTY = {"renew": 1, "suspect": 2, "fence": 4, "dead": 6}


def roll(events: Iterable[Event]) -> dict[int, str]:
    """The state of each node that is a member, as one of them sees it; empty if it is none."""
    known: dict[int, str] = {}
    for event in events:
        match event.get("event"):
            case "cluster_joined":
                known = {event["node"]: "joining"}
            case "cluster_up":
                known[event["node"]] = "up"
            case "cluster_node_seen":
                known[event["node"]] = event["state"]
            case "cluster_node_gone":
                known.pop(event["node"], None)
            case "cluster_fenced" | "cluster_left":
                known = {}
    return known


def unreached(events: Iterable[Event]) -> set[int]:
    """The members that do not reach it, and it not them, on the direct way."""
    gone: set[int] = set()
    for event in events:
        match event.get("event"):
            case "cluster_joined" | "cluster_fenced":
                gone = set()
            case "cluster_node_unreachable":
                gone.add(event["node"])
            case "cluster_node_reachable" | "cluster_node_gone":
                gone.discard(event["node"])
    return gone


class Member(Node):
    """A node at a host of its own, with what is its default in a cluster."""

    def __init__(self, folder: Path, authority: Authority, host: Host, database: str,
                 **timing: int) -> None:
        super().__init__(folder, authority, HOSTS, database=database, loglevel="info",
                         cluster={"name": folder.name, **timing})
        self.move_to(host)

    def move_to(self, host: Host) -> None:
        """From its next start on."""
        self.host = host
        self.launcher = list(host.launcher)
        self.config["listen"] = [
            {"port": _PORT, "ip": host.ip_address, "module": "c2s", "tls": True}]

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def door(self) -> Address:
        """For clients, with TLS from the beginning."""
        return Address(self.host.ip_address, _PORT)

    @property
    def epoch(self) -> int:
        """Of the life that it has, or had last."""
        lives = [e["node"] for e in list(self.log.events) if e.get("event") == "cluster_joined"]
        return lives[-1] if lives else 0

    def wait_event(self, event: str, node: int) -> None:
        self.log.wait(event, lambda e: e.get("node") == node)

    def wait_unreached(self, members: Iterable[Member]) -> None:
        """Until these are what it does not reach, and no others."""
        expected = {member.epoch for member in members}
        self.log.wait_until(lambda events: unreached(events) == expected,
                            f"sign that {self.name} does not reach {expected} only")


class Site:
    """Members that share a database."""

    def __init__(self, folder: Path, authority: Authority, network: Network, hosts: list[Host],
                 database: Postgres, **timing: int) -> None:
        self.network = network
        self.hosts = hosts
        self.database = database
        self.url = database.new_database()
        self._folder = folder
        self._authority = authority
        self._timing = timing
        self._users = 0
        self.members: list[Member] = []

    def add(self, host: Host, **settings: Any) -> Member:
        """One more, not started yet."""
        member = Member(self._folder / f"n{len(self.members) + 1}", self._authority, host,
                        self.url, **self._timing)
        member.config |= settings
        self.members.append(member)
        return member

    def start(self, members: Iterable[Member]) -> None:
        """All together."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(Member.start, members))

    def stop(self) -> None:
        with ThreadPoolExecutor() as pool:
            for ended in [pool.submit(member.stop) for member in self.members]:
                ended.result()

    def new_account(self, at: Member, host: str = HOSTS[0]) -> Account:
        self._users += 1
        account = Account(f"user{self._users}", host, secrets.token_hex(8))
        at.register(account)
        return account

    def wait_agreed(self, members: list[Member]) -> None:
        """Until each of these knows that they all serve, reaches all, and knows of nobody else."""
        for member in members:
            member.wait_event("cluster_up", member.epoch)
        expected = {member.epoch: "up" for member in members}
        for member in members:
            member.log.wait_until(lambda events: roll(events) == expected,
                                  f"{member.name}'s agreement that there are {expected}")
            member.wait_unreached([])
        assert self.rows() == expected

    def rows(self) -> dict[int, str]:
        """The table of the nodes."""
        name = self.url.rpartition("/")[2]
        rows = self.database.query("SELECT epoch, state FROM starling.node", name).splitlines()
        return {int(epoch): state for epoch, _, state in (row.partition("|") for row in rows)}
