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

    def __init__(self, cloud: Cloud, folder: Path, authority: Authority, postgres: Postgres,
                 **settings: Any) -> None:
        self.nodes: dict[str, Node] = {}
        self.exit_codes: dict[str, int] = {}
        self.killed: set[str] = set()
        self.cloud = cloud
        self._postgres = postgres
        self._instances: dict[str, Instance] = {}
        database = postgres.new_database()
        self._table_in = database.rpartition("/")[2]
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
            self._instances[instance.id] = instance
        node.environment = self.cloud.environment(instance)
        node.launch()
        return instance.id

    def terminate(self, handle: str) -> None:
        """Power is off when the process has ended, which it does by itself; if the machine is to
        stay in the pool, because its system shuts down."""
        if self._instances[handle].target_lifecycle_state == "Warmed:Stopped":
            return self.nodes[handle].stop()
        with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
            self.exit_codes[handle] = self.nodes[handle].wait_exit()

    def kill(self, handle: str) -> None:
        self.killed.add(handle)
        self.nodes[handle].kill()

    def rows(self) -> list[str]:
        """The names of the nodes that the cluster's table knows."""
        names = self._postgres.query("SELECT name FROM starling.node ORDER BY name",
                                     self._table_in)
        return names.split()

    def __getitem__(self, instance_id: str) -> Node:
        return self.nodes[instance_id]


MakeFleet = Callable[..., tuple[Fleet, Group]]


def completions(cloud: Cloud, hook: str, member: Member) -> int:
    return len(cloud.api.made("CompleteLifecycleAction", succeeded=True, InstanceId=member.id,
                              LifecycleHookName=hook))


def places(node: Node, *events: str) -> list[int]:
    """Where in its log the first of each of them is."""
    names = [event.get("event") for event in node.log.events]
    return [names.index(event) for event in events]


def wait_without(group: Group, *gone: Member) -> None:
    """As soon as they are no longer members."""
    group.wait_until(lambda g: not set(gone) & set(g.members), "smaller")


def end_all(group: Group, *members: Member) -> None:
    """The group ends them, and takes no others in their place."""
    for member in members:
        group.terminate(member.id, decrements=True)
    wait_without(group, *members)


def completed_once(fleet: Fleet, member: Member) -> None:
    """The group was told that it may end this instance: by itself, and one time."""
    (call,) = fleet.cloud.api.made("CompleteLifecycleAction", succeeded=True,
                                   InstanceId=member.id, LifecycleHookName=TERMINATE)
    assert (call.owner, call.parameters["LifecycleActionResult"]) == (member.id, "CONTINUE")
    action = member.actions[TERMINATE]
    assert (action.result, action.timed_out) == ("CONTINUE", False)


def gone_by_itself(fleet: Fleet, *members: Member) -> None:
    """They have left their cluster without a trace, said so once each, and ended."""
    for member in members:
        eventually(lambda member=member: member.id in fleet.exit_codes)
        assert fleet.exit_codes[member.id] == 0
        completed_once(fleet, member)
        log = [e.get("event") for e in fleet[member.id].log.events]
        completed = max(n for n, e in enumerate(log) if e == "lifecycle_action_completed")
        assert log.index("cluster_left") < completed, "only who has left says that he is empty"
    assert not {member.id for member in members} & set(fleet.rows())
