"""Machines that are nodes: what an instance of a group runs is a starlingd with its environment."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conftest import HOSTS

from harness.authority import Authority
from harness.aws.cloud import Cloud
from harness.aws.group import Group, Member
from harness.aws.instance import Instance
from harness.aws.machines import Machines
from harness.node import Node
from harness.postgres import Postgres
from harness.waiting import eventually

LAUNCH, TERMINATE = "starling-launch", "starling-terminate"
# So that a node that dies is found dead soon.
_HASTY = {"renew": "1 second", "suspect": "2 seconds", "fence": "3 seconds", "dead": "5 seconds"}


class Fleet(Machines):
    """All nodes of a cluster, by their instances' ids."""

    def __init__(self, cloud: Cloud, folder: Path, authority: Authority, database: str,
                 **settings: Any) -> None:
        self.nodes: dict[str, Node] = {}
        self.exit_codes: dict[str, int] = {}
        self.killed: set[str] = set()
        self._cloud = cloud
        self._making = threading.Lock()
        # Once: nodes that start read them while others are made.
        certfiles = [str(authority.issue(host)) for host in HOSTS]
        self._make = lambda name: Node(
            folder / name, authority, HOSTS, database=database,
            **{"certfiles": certfiles, "cluster": {"port": 0, **_HASTY},
               "cloud": {"provider": "aws", "metrics_interval": 1}} | settings)

    def launch(self, instance: Instance) -> str:
        with self._making:
            node = self.nodes.get(instance.id) or self._make(instance.id)
            self.nodes[instance.id] = node
        node.environment = self._cloud.environment(instance)
        node.launch()
        return instance.id

    def terminate(self, handle: str) -> None:
        """Power is off when the process has ended, which it does by itself."""
        with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
            self.exit_codes[handle] = self.nodes[handle].wait_exit()

    def kill(self, handle: str) -> None:
        self.killed.add(handle)
        self.nodes[handle].kill()

    def __getitem__(self, instance_id: str) -> Node:
        return self.nodes[instance_id]


MakeFleet = Callable[..., tuple[Fleet, Group]]


def rows(postgres: Postgres, database: str) -> list[str]:
    """The names of the nodes that the cluster's table knows."""
    names = postgres.query("SELECT name FROM starling.node ORDER BY name",
                           database.rpartition("/")[2])
    return names.split()


def completions(cloud: Cloud, hook: str, member: Member) -> int:
    return len(cloud.api.made("CompleteLifecycleAction", succeeded=True, InstanceId=member.id,
                              LifecycleHookName=hook))


def places(node: Node, *events: str) -> list[int]:
    """Where in its log the first of each of them is."""
    names = [event.get("event") for event in node.log.events]
    return [names.index(event) for event in events]


def gone_by_itself(fleet: Fleet, cloud: Cloud, member: Member) -> None:
    """It has left its cluster, said so once, and ended."""
    eventually(lambda: member.id in fleet.exit_codes)
    assert fleet.exit_codes[member.id] == 0
    assert completions(cloud, TERMINATE, member) == 1
    drained = places(fleet[member.id], "cluster_left", "lifecycle_action_completed")
    log = [e.get("event") for e in fleet[member.id].log.events]
    completed = max(n for n, e in enumerate(log) if e == "lifecycle_action_completed")
    assert drained[0] < completed, "only who has left says that he is empty"
